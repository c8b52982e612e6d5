//! TLS towards the broker, by rustls with ring: whom we trust, and who we are.

use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};

use super::secret::NamedFile;
use super::{Options, PublishError};

/// Checks the files and makes rustls's configuration of them.
pub(super) fn configuration(options: &Options) -> Result<Arc<ClientConfig>, PublishError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(PublishError::Tls)?.with_root_certificates(roots(options)?);
    let (certificate, key) = match (&options.certificate_file, &options.key_file) {
        (None, None) => return Ok(Arc::new(builder.with_no_client_auth())),
        (Some(certificate), Some(key)) => (certificate, key),
        _ => return Err(PublishError::HalfIdentity),
    };
    let certificate = NamedFile::find("certificate_file", certificate)?;
    let key_file = NamedFile::find("key_file", key)?;
    // The library's error could quote the file; a key's content is never part of an error.
    let key = PrivateKeyDer::from_pem_slice(&key_file.read_private()?)
        .map_err(|_| key_file.refused("it holds no private key in PEM".to_owned()))?;
    let configuration = builder.with_client_auth_cert(certificates(&certificate)?, key);
    Ok(Arc::new(
        configuration.map_err(|error| key_file.refused(format!("it doesn't go with certificate_file: {error}")))?,
    ))
}

/// The authorities that may vouch for the broker: those of `ca_file` alone, or the system's where none is given.
fn roots(options: &Options) -> Result<RootCertStore, PublishError> {
    let mut roots = RootCertStore::empty();
    let Some(file) = &options.ca_file else {
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        return if roots.is_empty() { Err(PublishError::NoAuthorities) } else { Ok(roots) };
    };
    let file = NamedFile::find("ca_file", file)?;
    for certificate in certificates(&file)? {
        roots.add(certificate).map_err(|error| file.refused(error.to_string()))?;
    }
    Ok(roots)
}

fn certificates(file: &NamedFile) -> Result<Vec<CertificateDer<'static>>, PublishError> {
    let bytes = file.read()?;
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    match certificates {
        Ok(certificates) if certificates.is_empty() => Err(file.refused("it holds no certificate in PEM".to_owned())),
        Ok(certificates) => Ok(certificates),
        Err(error) => Err(file.refused(format!("it isn't PEM: {error}"))),
    }
}
