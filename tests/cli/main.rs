//! What a user of `gavel` sees: stdout, stderr and exit code of the real binary.
