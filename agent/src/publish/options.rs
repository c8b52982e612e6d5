//! `[broker]` in the configuration, and what becomes of it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use edgeval_wire::{Address, Encoding};
use serde::Deserialize;

use super::PublishError;
use super::queue::Limits;

const SCHEME: &str = "mqtt://";
const DEFAULT_PORT: u16 = 1883;
/// What rumqttc accepts at least, and what MQTT can say at most.
const KEEP_ALIVE_S: std::ops::RangeInclusive<u16> = 5..=u16::MAX;

/// Where messages go, and what is kept while they can't.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// The broker: `mqtt://HOST[:PORT]`.
    pub url: String,
    /// The name that the broker knows this client by; `edgeval-GROUP-DEVICE` where none is given.
    pub client_id: Option<String>,
    /// The account at the broker, where it wants one.
    pub username: Option<String>,
    /// A file that holds the account's password and nothing else.
    pub password_file: Option<PathBuf>,
    /// `json` or `postcard`.
    pub encoding: Encoding,
    /// Most messages that wait for the broker; the oldest go first.
    pub queue_messages: usize,
    /// Most bytes that wait for the broker.
    pub queue_bytes: usize,
    /// Seconds of silence after which the connection is tried, 5 to 65,535.
    pub keep_alive_s: u16,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            url: "mqtt://127.0.0.1:1883".to_owned(),
            client_id: None,
            username: None,
            password_file: None,
            encoding: Encoding::Json,
            queue_messages: 1000,
            queue_bytes: 4 * 1024 * 1024,
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
    pub credentials: Option<(String, String)>,
    /// Silence after which the connection is tried.
    pub keep_alive: Duration,
}

impl fmt::Display for Broker {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{SCHEME}{}:{}", self.host, self.port)
    }
}

impl Options {
    /// Checks everything that can be checked without the broker, and reads the password.
    pub(super) fn broker(&self, address: &Address) -> Result<Broker, PublishError> {
        let (host, port) = parse_url(&self.url)?;
        if !KEEP_ALIVE_S.contains(&self.keep_alive_s) {
            return Err(PublishError::KeepAlive(self.keep_alive_s));
        }
        let default_id = || format!("edgeval-{}-{}", address.group, address.device);
        Ok(Broker {
            host,
            port,
            client_id: self.client_id.clone().unwrap_or_else(default_id),
            credentials: self.credentials()?,
            keep_alive: Duration::from_secs(self.keep_alive_s.into()),
        })
    }

    /// The queue's bounds.
    pub(super) fn limits(&self) -> Result<Limits, PublishError> {
        match (self.queue_messages, self.queue_bytes) {
            (0, _) => Err(PublishError::NoRoom("queue_messages")),
            (_, 0) => Err(PublishError::NoRoom("queue_bytes")),
            (messages, bytes) => Ok(Limits { messages, bytes }),
        }
    }

    fn credentials(&self) -> Result<Option<(String, String)>, PublishError> {
        match (&self.username, &self.password_file) {
            (None, None) => Ok(None),
            (Some(name), None) => Ok(Some((name.clone(), String::new()))),
            (Some(name), Some(path)) => Ok(Some((name.clone(), read_password(path)?))),
            (None, Some(_)) => Err(PublishError::PasswordWithoutName),
        }
    }
}

fn read_password(path: &Path) -> Result<String, PublishError> {
    let text =
        std::fs::read_to_string(path).map_err(|reason| PublishError::PasswordFile { path: path.to_owned(), reason })?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

fn parse_url(url: &str) -> Result<(String, u16), PublishError> {
    // A URL with an account in it is not repeated: it may hold a password.
    if url.contains('@') {
        return Err(PublishError::AccountInUrl);
    }
    let bad = |reason| PublishError::Url { url: url.to_owned(), reason };
    if url.starts_with("mqtts://") {
        return Err(bad("this version speaks no TLS; use mqtt:// on a trusted network"));
    }
    let rest = url.strip_prefix(SCHEME).ok_or_else(|| bad("it must begin with mqtt://"))?;
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    let after_brackets = rest.rfind(']').unwrap_or(0);
    let (host, port) = match rest[after_brackets..].find(':') {
        Some(colon) => (&rest[..after_brackets + colon], &rest[after_brackets + colon + 1..]),
        None => (rest, ""),
    };
    let port = if port.is_empty() { Ok(DEFAULT_PORT) } else { port.parse() };
    match port {
        _ if host.is_empty() || host.contains(['/', ' ']) => Err(bad("it names no host")),
        Ok(port) if port > 0 => Ok((host.to_owned(), port)),
        _ => Err(bad("its port isn't a number from 1 to 65535")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_name_a_host_and_a_port() {
        for (url, host, port) in [
            ("mqtt://broker.example:1884", "broker.example", 1884),
            ("mqtt://10.0.2.2/", "10.0.2.2", 1883),
            ("mqtt://[::1]:1885", "[::1]", 1885),
            ("mqtt://[fe80::1]", "[fe80::1]", 1883),
        ] {
            assert_eq!(parse_url(url).unwrap(), (host.to_owned(), port), "{url}");
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
            ("mqtts://a", "TLS"),
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
    fn the_password_comes_from_its_file_without_the_line_end() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "swordfish\n").unwrap();
        let options =
            Options { username: Some("pi".into()), password_file: Some(file.path().into()), ..Options::default() };
        let broker = options.broker(&Address::new("home", "pi").unwrap()).unwrap();
        assert_eq!(broker.credentials, Some(("pi".into(), "swordfish".into())));
        assert_eq!(broker.client_id, "edgeval-home-pi");
    }

    #[test]
    fn what_cannot_be_used_is_said_before_connecting() {
        let address = Address::new("home", "pi").unwrap();
        let refused = |options: Options| options.broker(&address).err().unwrap().to_string();
        let missing = Options {
            username: Some("pi".into()),
            password_file: Some("/nowhere/password".into()),
            ..Options::default()
        };
        assert!(refused(missing).contains("/nowhere/password"));
        assert!(refused(Options { password_file: Some("/x".into()), ..Options::default() }).contains("username"));
        assert!(refused(Options { keep_alive_s: 4, ..Options::default() }).contains("keep_alive_s"));
        let error = Options { queue_messages: 0, ..Options::default() }.limits().unwrap_err().to_string();
        assert!(error.contains("queue_messages"), "{error}");
    }
}
