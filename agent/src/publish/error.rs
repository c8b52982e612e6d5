//! Why there can be no publisher, and why a message is not taken.

use std::path::PathBuf;

use edgeval_wire::EncodeError;

/// Why there can be no publisher.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The broker's address can't be used.
    #[error("[broker] url `{url}`: {reason} (write mqtts://HOST:8883, or mqtt://HOST:1883 without TLS)")]
    Url {
        /// What was written.
        url: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The address holds an account.
    #[error("[broker] url holds an account; put it into username and password_file instead")]
    AccountInUrl,
    /// A file can't be used.
    #[error("[broker] {key} {path}: {reason}")]
    File {
        /// The key that names it.
        key: &'static str,
        /// The file.
        path: PathBuf,
        /// What is wrong; never what is in it.
        reason: String,
    },
    /// A credential without systemd.
    #[error("[broker] {key} names a credential, but systemd gave none (LoadCredential= in the unit)")]
    NoCredentials {
        /// The key that names it.
        key: &'static str,
    },
    /// A password for nobody.
    #[error("[broker] password_file is set but username isn't: set both or neither")]
    PasswordWithoutName,
    /// Two names for one account.
    #[error("[broker] username and username_file are both set: set one of them")]
    TwoNames,
    /// Everybody on the way could read it.
    #[error(
        "[broker] url sends everything to {host} unencrypted; use mqtts://, or set allow_plaintext = true on a network that \
         you trust"
    )]
    Plaintext {
        /// The broker's host.
        host: String,
    },
    /// Files for TLS, and no TLS.
    #[error("[broker] ca_file, certificate_file and key_file are for TLS, but url is without it; use mqtts://")]
    FilesWithoutTls,
    /// A certificate and its key go together.
    #[error("[broker] certificate_file and key_file go together: set both or neither")]
    HalfIdentity,
    /// Nobody to trust.
    #[error("[broker] ca_file isn't set and the system has no authorities (Debian: ca-certificates); set ca_file")]
    NoAuthorities,
    /// The library refuses.
    #[error("TLS can't be used: {0}")]
    Tls(rustls::Error),
    /// Out of range.
    #[error("[broker] keep_alive_s is {0}; it must be from 5 to 65535")]
    KeepAlive(u16),
    /// Out of range.
    #[error("[outbox] {key} is {value}; it must be from {low} to {high}")]
    Outbox {
        /// The key.
        key: &'static str,
        /// What was written.
        value: u64,
        /// The least.
        low: u64,
        /// The most.
        high: u64,
    },
    /// Two programs would send each other's reports.
    #[error("the outbox {0} is in use by another edgeval; stop that one, or set another path in [outbox]")]
    OutboxInUse(PathBuf),
    /// What the board is can't be written.
    #[error("the device message can't be sent: {0}")]
    Device(EncodeError),
    /// The system gives no thread.
    #[error("the publisher's thread can't start: {0}")]
    Thread(std::io::Error),
}

/// Why a message was not taken.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// It can't be written.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// The publisher says this by itself.
    #[error("availability is published by the publisher itself")]
    Availability,
}
