//! Who vouches for a command: ed25519 (RFC 8032) over the raw bytes of topic, id, expiry and body.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::signature::{ED25519, Ed25519KeyPair, UnparsedPublicKey};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{PrivateKeyDer, SubjectPublicKeyInfoDer};

/// What comes before the 32 bytes of an ed25519 key in a SubjectPublicKeyInfo (RFC 8410, 4).
const KEY_PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
const KEY_BYTES: usize = 32;
const SIGNATURE_BYTES: usize = 64;

/// Why a key can't be used. What is in its file is never part of it.
#[derive(Debug, thiserror::Error)]
#[error("key {path}: {reason}")]
pub struct KeyError {
    path: PathBuf,
    reason: String,
}

impl KeyError {
    fn new(path: &Path, reason: &str) -> Self {
        Self { path: path.to_owned(), reason: reason.to_owned() }
    }
}

/// Whose commands are done.
#[derive(Clone, Debug)]
pub struct PublicKey([u8; KEY_BYTES]);

/// Signs commands.
#[derive(Debug)]
pub struct PrivateKey(Ed25519KeyPair);

/// The bytes that are signed: the first three are without line ends, so that no two commands have the same.
#[must_use]
pub fn signed_bytes(topic: &str, id: &str, expires: &str, body: &[u8]) -> Vec<u8> {
    let mut bytes = format!("{topic}\n{id}\n{expires}\n").into_bytes();
    bytes.extend(body);
    bytes
}

impl PublicKey {
    /// Reads a PEM file, such as `openssl pkey -pubout` writes.
    ///
    /// # Errors
    /// When the file can't be read or holds no ed25519 key.
    pub fn read(path: &Path) -> Result<Self, KeyError> {
        let pem = std::fs::read(path).map_err(|error| KeyError::new(path, &error.to_string()))?;
        let wrong = || KeyError::new(path, "it holds no ed25519 public key in PEM (openssl pkey -in key.pem -pubout)");
        let der = SubjectPublicKeyInfoDer::from_pem_slice(&pem).map_err(|_| wrong())?;
        let key = der.as_ref().strip_prefix(&KEY_PREFIX).and_then(|key| key.try_into().ok());
        key.map(Self).ok_or_else(wrong)
    }

    /// Whether the signature, in base64, is that of these bytes.
    #[must_use]
    pub fn vouches(&self, bytes: &[u8], signature: &str) -> bool {
        let Ok(signature) = STANDARD.decode(signature) else { return false };
        signature.len() == SIGNATURE_BYTES && UnparsedPublicKey::new(&ED25519, self.0).verify(bytes, &signature).is_ok()
    }
}

impl PrivateKey {
    /// Reads a PEM file, such as `openssl genpkey -algorithm ed25519` writes.
    ///
    /// # Errors
    /// When the file can't be read or holds no ed25519 key.
    pub fn read(path: &Path) -> Result<Self, KeyError> {
        let pem = std::fs::read(path).map_err(|error| KeyError::new(path, &error.to_string()))?;
        let wrong =
            || KeyError::new(path, "it holds no ed25519 private key in PEM (openssl genpkey -algorithm ed25519)");
        let der = PrivateKeyDer::from_pem_slice(&pem).map_err(|_| wrong())?;
        // OpenSSL leaves the public half out, which PKCS #8 allows.
        Ed25519KeyPair::from_pkcs8_maybe_unchecked(der.secret_der()).map(Self).map_err(|_| wrong())
    }

    /// The bytes' signature, in base64.
    #[must_use]
    pub fn sign(&self, bytes: &[u8]) -> String {
        STANDARD.encode(self.0.sign(bytes))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// The key of RFC 8032, 7.1, test 2, as OpenSSL writes it.
    const PRIVATE: &str = "-----BEGIN PRIVATE KEY-----\n\
        MC4CAQAwBQYDK2VwBCIEIEzNCJso/5banbbDRuwRTg9bijGfNaumJNqM9u1PuKb7\n-----END PRIVATE KEY-----\n";
    const PUBLIC: &str = "-----BEGIN PUBLIC KEY-----\n\
        MCowBQYDK2VwAyEAPUAXw+hDiVqStwqnTRt+vJyYLM8uxJaMwM1V8Sr0Zgw=\n-----END PUBLIC KEY-----\n";

    pub fn keys() -> (PrivateKey, PublicKey) {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            std::fs::write(folder.path().join(name), text).unwrap();
            folder.path().join(name)
        };
        (PrivateKey::read(&write("a", PRIVATE)).unwrap(), PublicKey::read(&write("b", PUBLIC)).unwrap())
    }

    #[test]
    fn the_vector_of_rfc_8032_is_signed_as_it_says() {
        let (private, public) = keys();
        let signature = private.sign(&[0x72]);
        let hex: String = STANDARD.decode(&signature).unwrap().iter().map(|byte| format!("{byte:02x}")).collect();
        assert!(hex.starts_with("92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"), "{hex}");
        assert!(public.vouches(&[0x72], &signature) && !public.vouches(&[0x73], &signature));
    }

    #[test]
    fn what_is_no_signature_is_refused() {
        let (private, public) = keys();
        for wrong in ["", "AAAA", "not base64!", &private.sign(b"other")] {
            assert!(!public.vouches(b"this", wrong), "{wrong}");
        }
    }

    #[test]
    fn files_that_hold_no_key_are_named_and_not_shown() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "swordfish").unwrap();
        let public = PublicKey::read(file.path()).unwrap_err().to_string();
        let private = PrivateKey::read(file.path()).unwrap_err().to_string();
        for error in [public, private] {
            assert!(error.contains("ed25519") && !error.contains("swordfish"), "{error}");
        }
    }
}
