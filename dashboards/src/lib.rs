//! What one sees: pages over what analytics and approvals know; so far it holds nothing.
