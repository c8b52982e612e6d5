//! `[broker]` in the configuration, and what becomes of it.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use edgeval_wire::{Address, Encoding};
use serde::Deserialize;

use super::PublishError;
use super::secret::{NamedFile, Secret};
use super::tls;

const PLAIN_SCHEME: &str = "mqtt://";
const PLAIN_PORT: u16 = 1883;
const TLS_SCHEME: &str = "mqtts://";
const TLS_PORT: u16 = 8883;
/// What rumqttc accepts at least, and what MQTT can say at most.
const KEEP_ALIVE_S: std::ops::RangeInclusive<u16> = 5..=u16::MAX;

/// Where messages go. Each `…_file` is a path, or `credential:NAME` for one of systemd's credentials.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// The broker: `mqtts://HOST[:PORT]` with TLS, `mqtt://HOST[:PORT]` without.
    pub url: String,
    /// Whether a broker elsewhere may be spoken to without TLS.
    pub allow_plaintext: bool,
    /// Certificates of the authorities that may vouch for the broker (PEM); the system's where none is given.
    pub ca_file: Option<PathBuf>,
    /// This board's certificate, where the broker wants one (PEM), and those between it and its authority.
    pub certificate_file: Option<PathBuf>,
    /// The certificate's private key (PEM).
    pub key_file: Option<PathBuf>,
    /// The name that the broker knows this client by; `edgeval-GROUP-DEVICE` where none is given.
    pub client_id: Option<String>,
    /// The account at the broker, where it wants one.
    pub username: Option<String>,
    /// The same, from a file that holds it and nothing else.
    pub username_file: Option<PathBuf>,
    /// A file that holds the account's password and nothing else.
    pub password_file: Option<PathBuf>,
    /// `json` or `postcard`.
    pub encoding: Encoding,
    /// Seconds of silence after which the connection is tried, 5 to 65,535.
    pub keep_alive_s: u16,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            url: "mqtt://127.0.0.1:1883".to_owned(),
            allow_plaintext: false,
            ca_file: None,
            certificate_file: None,
            key_file: None,
            client_id: None,
            username: None,
            username_file: None,
            password_file: None,
            encoding: Encoding::Json,
            keep_alive_s: 30,
        }
    }
}

/// The broker's address and how to speak to it: options that were checked.
#[derive(Clone)]
pub(super) struct Broker {
    /// A name or address; an IPv6 address keeps its brackets.
    pub host: String,
    /// The port.
    pub port: u16,
    /// The client's name.
    pub client_id: String,
    /// User name and password.
    pub credentials: Option<(Secret, Secret)>,
    /// How TLS is spoken; `None` without it.
    pub tls: Option<Arc<rustls::ClientConfig>>,
    /// Silence after which the connection is tried.
    pub keep_alive: Duration,
}

impl fmt::Display for Broker {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls.is_some() { TLS_SCHEME } else { PLAIN_SCHEME };
        write!(formatter, "{scheme}{}:{}", self.host, self.port)
    }
}

impl Options {
    /// Checks everything that can be checked without the broker, and reads the files.
    pub(super) fn broker(&self, address: &Address) -> Result<Broker, PublishError> {
        let Url { tls, host, port } = parse_url(&self.url)?;
        if !tls {
            self.check_plaintext(&host)?;
        }
        if !KEEP_ALIVE_S.contains(&self.keep_alive_s) {
            return Err(PublishError::KeepAlive(self.keep_alive_s));
        }
        let default_id = || format!("edgeval-{}-{}", address.group, address.device);
        Ok(Broker {
            host,
            port,
            client_id: self.client_id.clone().unwrap_or_else(default_id),
            credentials: self.credentials()?,
            tls: tls.then(|| tls::configuration(self)).transpose()?,
            keep_alive: Duration::from_secs(self.keep_alive_s.into()),
        })
    }

    /// Without TLS anybody on the way can read and change everything, the password included.
    fn check_plaintext(&self, host: &str) -> Result<(), PublishError> {
        let given = [&self.ca_file, &self.certificate_file, &self.key_file];
        if given.into_iter().any(Option::is_some) {
            return Err(PublishError::FilesWithoutTls);
        }
        if is_local(host) || self.allow_plaintext {
            return Ok(());
        }
        Err(PublishError::Plaintext { host: host.to_owned() })
    }

    fn credentials(&self) -> Result<Option<(Secret, Secret)>, PublishError> {
        let name = match (&self.username, &self.username_file) {
            (Some(_), Some(_)) => return Err(PublishError::TwoNames),
            (Some(name), None) => Some(Secret::new(name.clone())),
            (None, Some(file)) => Some(NamedFile::find("username_file", file)?.read_line()?),
            (None, None) => None,
        };
        let password = self.password_file.as_ref().map(|file| NamedFile::find("password_file", file)?.read_line());
        match (name, password.transpose()?) {
            (None, None) => Ok(None),
            (Some(name), password) => Ok(Some((name, password.unwrap_or_else(|| Secret::new(String::new()))))),
            (None, Some(_)) => Err(PublishError::PasswordWithoutName),
        }
    }
}

/// Whether a host is this machine, without asking anybody.
fn is_local(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare.parse::<IpAddr>().map_or(bare.eq_ignore_ascii_case("localhost"), |address| address.is_loopback())
}

/// A broker's address, taken apart.
#[derive(Debug, PartialEq, Eq)]
struct Url {
    tls: bool,
    host: String,
    port: u16,
}

fn parse_url(url: &str) -> Result<Url, PublishError> {
    // A URL with an account in it is not repeated: it may hold a password.
    if url.contains('@') {
        return Err(PublishError::AccountInUrl);
    }
    let bad = |reason| PublishError::Url { url: url.to_owned(), reason };
    let (tls, rest, default_port) = match (url.strip_prefix(TLS_SCHEME), url.strip_prefix(PLAIN_SCHEME)) {
        (Some(rest), _) => (true, rest, TLS_PORT),
        (_, Some(rest)) => (false, rest, PLAIN_PORT),
        _ => return Err(bad("it must begin with mqtts:// or mqtt://")),
    };
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    let after_brackets = rest.rfind(']').unwrap_or(0);
    let (host, port) = match rest[after_brackets..].find(':') {
        Some(colon) => (&rest[..after_brackets + colon], &rest[after_brackets + colon + 1..]),
        None => (rest, ""),
    };
    let port = if port.is_empty() { Ok(default_port) } else { port.parse() };
    match port {
        _ if host.is_empty() || host.contains(['/', ' ']) => Err(bad("it names no host")),
        // The MQTT library compares the certificate's name with the address, brackets and all.
        _ if tls && host.starts_with('[') => Err(bad("with TLS, a broker at an IPv6 address needs a name")),
        Ok(port) if port > 0 => Ok(Url { tls, host: host.to_owned(), port }),
        _ => Err(bad("its port isn't a number from 1 to 65535")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address() -> Address {
        Address::new("home", "pi").unwrap()
    }

    fn refused(options: &Options) -> String {
        options.broker(&address()).err().unwrap().to_string()
    }

    #[test]
    fn urls_name_a_host_and_a_port() {
        for (url, tls, host, port) in [
            ("mqtt://broker.example:1884", false, "broker.example", 1884),
            ("mqtt://10.0.2.2/", false, "10.0.2.2", 1883),
            ("mqtt://[::1]:1885", false, "[::1]", 1885),
            ("mqtt://[fe80::1]", false, "[fe80::1]", 1883),
            ("mqtts://broker.example", true, "broker.example", 8883),
        ] {
            assert_eq!(parse_url(url).unwrap(), Url { tls, host: host.to_owned(), port }, "{url}");
        }
    }

    #[test]
    fn other_urls_are_refused_with_a_reason() {
        for (url, reason) in [
            ("broker.example", "mqtt://"),
            ("mqtt://", "no host"),
            ("mqtt://:1883", "no host"),
            ("mqtt://a/b", "no host"),
            ("mqtt://a:mqtt", "port"),
            ("mqtt://a:0", "port"),
            ("mqtt://a:70000", "port"),
            ("mqtts://[::1]", "needs a name"),
        ] {
            let error = parse_url(url).unwrap_err().to_string();
            assert!(error.contains(reason) && error.contains(url), "{url}: {error}");
        }
    }

    #[test]
    fn a_password_in_a_url_is_not_repeated() {
        let error = parse_url("mqtt://me:secret@broker.example").unwrap_err().to_string();
        assert!(!error.contains("secret") && error.contains("password_file"), "{error}");
    }

    #[test]
    fn plaintext_stays_on_the_machine_unless_it_is_allowed() {
        let to = |url: &str| Options { url: url.into(), ..Options::default() };
        for url in ["mqtt://localhost", "mqtt://127.0.0.1", "mqtt://127.9.9.9", "mqtt://[::1]"] {
            assert!(to(url).broker(&address()).is_ok(), "{url}");
        }
        for url in ["mqtt://broker.example", "mqtt://192.168.1.2", "mqtt://[fe80::1]", "mqtt://localhost.example"] {
            let error = refused(&to(url));
            assert!(error.contains("allow_plaintext") && error.contains("mqtts://"), "{url}: {error}");
            assert!(Options { allow_plaintext: true, ..to(url) }.broker(&address()).is_ok(), "{url}");
        }
    }

    #[test]
    fn the_account_comes_from_files_without_the_line_end() {
        let (name, word) = (tempfile::NamedTempFile::new().unwrap(), tempfile::NamedTempFile::new().unwrap());
        std::fs::write(name.path(), "pi\r\n").unwrap();
        std::fs::write(word.path(), "swordfish\n").unwrap();
        let options = Options {
            username_file: Some(name.path().into()),
            password_file: Some(word.path().into()),
            ..Options::default()
        };
        let broker = options.broker(&address()).unwrap();
        let (name, word) = broker.credentials.unwrap();
        assert_eq!((name.reveal(), word.reveal()), ("pi", "swordfish"));
        assert_eq!(broker.client_id, "edgeval-home-pi");
    }

    #[test]
    fn what_cannot_be_used_is_said_before_connecting() {
        let missing = Options {
            username: Some("pi".into()),
            password_file: Some("/nowhere/password".into()),
            ..Options::default()
        };
        assert!(refused(&missing).contains("password_file /nowhere/password"));
        assert!(refused(&Options { username_file: Some("/nowhere/name".into()), ..missing }).contains("username_file"));
        let nameless = tempfile::NamedTempFile::new().unwrap();
        let nameless = Options { password_file: Some(nameless.path().into()), ..Options::default() };
        assert!(refused(&nameless).contains("username isn't"));
        assert!(refused(&Options { keep_alive_s: 4, ..Options::default() }).contains("keep_alive_s"));
        let unused = Options { ca_file: Some("/x".into()), ..Options::default() };
        assert!(refused(&unused).contains("mqtts://"));
    }

    #[test]
    fn files_for_tls_that_cannot_be_used_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file.pem");
        std::fs::write(&file, "no certificate").unwrap();
        let options = Options { url: "mqtts://localhost".into(), ca_file: Some(file.clone()), ..Options::default() };
        assert!(refused(&options).contains("ca_file") && refused(&options).contains("no certificate in PEM"));
        let options = Options { ca_file: Some("/nowhere/ca.pem".into()), ..options };
        assert!(refused(&options).contains("ca_file /nowhere/ca.pem"));
    }
}
