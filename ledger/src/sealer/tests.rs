//! The sealer against logs that grow, lose files, are cut and are altered.
