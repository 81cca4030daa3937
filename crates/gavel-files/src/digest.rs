//! sha256, as files, locks and messages write it.

use std::fs::File;
use std::io;
use std::path::Path;

use sha2::{Digest, Sha256};

/// sha256 of some bytes, in 64 hexadecimal digits.
pub fn sha256(bytes: impl AsRef<[u8]>) -> String {
    format!("{:x}", Sha256::digest(bytes))
}

/// sha256 of a file, however large: never more than a piece of it is in memory.
///
/// # Errors
/// What the operating system says.
pub fn sha256_of_file(path: &Path) -> io::Result<String> {
    let mut hasher = Sha256::new();
    io::copy(&mut File::open(path)?, &mut hasher)?;
    Ok(format!("{:x}", hasher.finalize()))
}

/// As many digits as are enough to tell digests apart by eye.
pub fn short(digest: &str) -> &str {
    digest.get(..12).unwrap_or(digest)
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_file_has_the_digest_of_what_is_in_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let content = vec![7; 100_000];
        std::fs::write(&path, &content).unwrap();
        assert_eq!(super::sha256_of_file(&path).unwrap(), super::sha256(&content));
        assert!(super::sha256_of_file(&folder.path().join("absent")).is_err());
    }

    #[test]
    fn a_digest_is_that_of_fips_180() {
        assert_eq!(super::sha256("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
