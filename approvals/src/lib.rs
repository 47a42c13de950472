//! Who was asked: holds, votes, inbox and mail; so far it holds nothing.
