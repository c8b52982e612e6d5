//! TLS towards a real Mosquitto: who is trusted, who we are, and what is said when either fails.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

#[allow(dead_code, reason = "the program uses the rest")]
#[path = "../agent/src/clock.rs"]
mod clock;
#[allow(dead_code, reason = "the program uses the rest")]
#[path = "../agent/src/publish/mod.rs"]
mod publish;
#[allow(dead_code, reason = "the program uses the rest")]
#[path = "../agent/src/stages.rs"]
mod stages;
#[allow(dead_code, unused_imports, reason = "support is shared")]
mod support;

use std::path::PathBuf;
use std::process::Command;

use edgeval_wire::{Address, Device};
use publish::{Options, OutboxOptions, Publisher};
use rand::SeedableRng;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use support::{Agent, Broker, Subscriber, free_port, wait_until};

/// An authority that vouches for names.
struct Authority {
    certificate: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new(name: &str) -> Self {
        let mut parameters = CertificateParams::new(Vec::new()).unwrap();
        parameters.distinguished_name.push(DnType::CommonName, name);
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = parameters.self_signed(&key).unwrap().pem();
        Self { certificate, issuer: Issuer::new(parameters, key) }
    }

    /// A certificate for a name, and its key.
    fn vouch(&self, name: &str) -> (String, String) {
        let mut parameters = CertificateParams::new(vec![name.to_owned()]).unwrap();
        parameters.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        (parameters.signed_by(&key, &self.issuer).unwrap().pem(), key.serialize_pem())
    }
}

/// A broker with TLS at one port, and without at another one for those who only look on.
struct TlsBroker {
    broker: Broker,
    port: u16,
    authority: Authority,
}

impl TlsBroker {
    fn start(more: &str) -> Self {
        let mut broker = Broker::start("");
        broker.stop();
        let (authority, port) = (Authority::new("fleet"), free_port());
        let (certificate, key) = authority.vouch("localhost");
        let files = [
            ("cafile", broker.file("ca.pem", &authority.certificate)),
            ("certfile", broker.file("broker.pem", &certificate)),
            ("keyfile", broker.file("broker.key", &key)),
        ];
        let files: String = files.iter().map(|(name, path)| format!("{name} {path}\n")).collect();
        broker.configure(&format!("listener {port} 127.0.0.1\n{files}{more}"));
        broker.resume();
        wait_until("TLS is spoken", || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
        Self { broker, port, authority }
    }

    fn url(&self) -> String {
        format!("mqtts://localhost:{}", self.port)
    }

    fn options(&self) -> Options {
        let ca_file = Some(self.file("trusted.pem", &self.authority.certificate));
        Options { url: self.url(), ca_file, ..Options::default() }
    }

    fn file(&self, name: &str, content: &str) -> PathBuf {
        self.broker.file(name, content).into()
    }
}

struct Kept {
    publisher: Publisher,
    _folder: tempfile::TempDir,
}

fn open(options: &Options) -> Kept {
    let folder = tempfile::tempdir().unwrap();
    let device: Device = serde_json::from_str(include_str!("../agent/wire/tests/messages/device.json")).unwrap();
    let address = Address::new("home", "pi").unwrap();
    let outbox = OutboxOptions::default();
    let random = rand_pcg::Pcg64::seed_from_u64(1);
    let publisher = publish::open(options, (folder.path(), &outbox), address, device, random, None).unwrap();
    Kept { publisher, _folder: folder }
}

fn arrives(options: &Options) {
    let kept = open(options);
    wait_until("it is connected and everything arrived", || {
        let stats = kept.publisher.stats();
        assert_eq!(stats.trouble, None);
        stats.connected && stats.queued == 0
    });
}

/// The words of a connection that can't be made.
fn trouble(options: &Options) -> String {
    let kept = open(options);
    wait_until("it is refused", || kept.publisher.stats().trouble.is_some());
    assert!(!kept.publisher.stats().connected);
    kept.publisher.stats().trouble.unwrap()
}

#[test]
fn the_right_authority_lets_messages_through() {
    let broker = TlsBroker::start("");
    let subscriber = Subscriber::start(&broker.broker, "reader", "edgeval/#");
    let kept = open(&broker.options());
    subscriber.wait_for("it is online", |message| message.payload == b"online");
    drop(kept);
}

#[test]
fn a_broker_that_nobody_vouches_for_is_refused_in_clear_words() {
    let broker = TlsBroker::start("");
    let stranger = broker.file("stranger.pem", &Authority::new("stranger").certificate);
    let words = trouble(&Options { ca_file: Some(stranger), ..broker.options() });
    assert!(words.contains("authority that isn't trusted here") && words.contains("ca_file"), "{words}");
    // The certificate is for the name `localhost`.
    let words = trouble(&Options { url: format!("mqtts://127.0.0.1:{}", broker.port), ..broker.options() });
    assert!(words.contains("for another name") && words.contains("url"), "{words}");
}

#[test]
fn a_certificate_of_the_board_is_given_where_one_is_wanted() {
    let broker = TlsBroker::start("require_certificate true\n");
    let words = trouble(&broker.options());
    assert!(words.contains("certificate of this board") && words.contains("certificate_file"), "{words}");
    let identity = |name: &str, authority: &Authority| {
        let (certificate, key) = authority.vouch("pi");
        let certificate_file = Some(broker.file(&format!("{name}.pem"), &certificate));
        let key_file = Some(broker.file(&format!("{name}.key"), &key));
        Options { certificate_file, key_file, ..broker.options() }
    };
    arrives(&identity("ours", &broker.authority));
    let words = trouble(&identity("theirs", &Authority::new("stranger")));
    assert!(words.contains("certificate_file"), "{words}");
}

#[test]
fn a_key_that_does_not_fit_its_certificate_is_named_before_connecting() {
    let authority = Authority::new("fleet");
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, content: &str| {
        std::fs::write(folder.path().join(name), content).unwrap();
        Some(folder.path().join(name))
    };
    let ((certificate, _), (_, key)) = (authority.vouch("pi"), authority.vouch("pi"));
    let options = Options {
        url: "mqtts://localhost".into(),
        ca_file: file("ca.pem", &authority.certificate),
        certificate_file: file("pi.pem", &certificate),
        key_file: file("pi.key", &key),
        ..Options::default()
    };
    let device: Device = serde_json::from_str(include_str!("../agent/wire/tests/messages/device.json")).unwrap();
    let address = Address::new("home", "pi").unwrap();
    let outbox = OutboxOptions::default();
    let random = rand_pcg::Pcg64::seed_from_u64(1);
    let Err(error) = publish::open(&options, (folder.path(), &outbox), address, device, random, None) else {
        panic!("a key that doesn't fit was taken");
    };
    let words = error.to_string();
    assert!(words.contains("key_file") && words.contains("certificate_file"), "{words}");
    assert!(!words.contains(key.lines().nth(1).unwrap()), "{words}");
}

#[test]
fn plaintext_to_a_port_with_tls_is_told_from_a_broker_that_is_away() {
    let broker = TlsBroker::start("");
    let words = trouble(&Options { url: broker.broker.url().replace("mqtt:", "mqtts:"), ..broker.options() });
    assert!(words.contains("TLS"), "{words}");
}

/// What the program logs at its most talkative, with a password from one of systemd's credentials.
#[test]
fn a_wrong_password_is_said_and_no_password_is_ever_shown() {
    let broker = TlsBroker::start("");
    let passwords = broker.broker.file("passwords", "");
    let added = Command::new("mosquitto_passwd").args(["-b", &passwords, "pi", "swordfish"]).status();
    assert!(added.unwrap().success());
    let mut broker = broker;
    broker.broker.stop();
    let configuration = std::fs::read_to_string(PathBuf::from(&passwords).with_file_name("mosquitto.conf")).unwrap();
    let listener = configuration.split_once("allow_anonymous true\n").unwrap().1;
    broker.broker.configure(&format!("{listener}allow_anonymous false\npassword_file {passwords}"));
    broker.broker.resume();
    let credentials = tempfile::tempdir().unwrap();
    let start = |word: &str| {
        std::fs::write(credentials.path().join("word"), word).unwrap();
        let trusted = broker.file("trusted.pem", &broker.authority.certificate).display().to_string();
        let environment = [
            ("CREDENTIALS_DIRECTORY", credentials.path().to_str().unwrap()),
            ("EDGEVAL_BROKER__PASSWORD_FILE", "credential:word"),
            ("EDGEVAL_BROKER__USERNAME", "pi"),
            ("EDGEVAL_BROKER__CA_FILE", &trusted),
            ("EDGEVAL_LOG", "trace"),
        ];
        Agent::start(&broker.url(), &[], &environment)
    };
    let mut agent = start("wrong-horse\n");
    wait_until("the refusal is said", || agent.log().contains("refuses the connection"));
    agent.terminate();
    assert_eq!(agent.wait(), 0);
    let log = agent.log();
    assert!(log.contains("password_file") && !log.contains("wrong-horse"), "{log}");
    let agent = start("swordfish\n");
    wait_until("the right one is let in", || agent.log().contains("connected to mqtts://localhost"));
    assert!(!agent.log().contains("swordfish"), "{}", agent.log());
}
