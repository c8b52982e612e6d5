//! What the broker or the network said, in words that a person can act on.

use rumqttc::TlsError;
use rumqttc::v5::mqttbytes;
use rumqttc::v5::mqttbytes::v5::{ConnectReturnCode, DisconnectReasonCode, PubAckReason};
use rumqttc::v5::{ConnectionError, StateError};

use super::outbox::{Break, Verdict};

/// Why there is no connection, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Trouble {
    /// What happened.
    pub reason: String,
    /// What to do.
    pub next_step: &'static str,
    /// What it says of the messages in flight.
    pub cause: Break,
}

const START_IT: &str = "check that the broker runs and that url in [broker] is right";
const CHECK_ACCOUNT: &str = "check username and password_file in [broker], and the broker's account of that name";
const CHECK_SPEECH: &str = "the broker must speak MQTT 5 at this port: mqtts:// is with TLS, mqtt:// without";
const CHECK_CA: &str = "check ca_file in [broker]: it must hold the authority that the broker's certificate is from";
const CHECK_NAME: &str = "write url in [broker] with a name that the broker's certificate has";
const CHECK_CLOCK: &str = "check this board's clock, then the broker's certificate";
const CHECK_IDENTITY: &str =
    "check certificate_file and key_file in [broker], and the authorities that the broker trusts";
const CHECK_LOG: &str = "the broker's log says more";
const CHECK_LOG_AND_NAME: &str = "the broker's log says more; it does this, too, when two boards have one name";
const RENAME: &str = "give each board its own device name, or set client_id in [broker]";

impl Trouble {
    /// Both in one sentence.
    pub(super) fn words(&self) -> String {
        format!("broker: {}; {}", self.reason, self.next_step)
    }

    /// The words for a connection that failed or ended.
    pub(super) fn of(error: &ConnectionError) -> Self {
        let gone = |reason: String, next_step| Self { reason, next_step, cause: Break::Gone };
        match error {
            ConnectionError::Io(error) => of_io(error),
            ConnectionError::Tls(TlsError::Io(error)) if is_plain(error) => {
                gone(format!("it broke off the TLS handshake ({error})"), CHECK_SPEECH)
            }
            ConnectionError::Tls(TlsError::Io(error)) => of_io(error),
            ConnectionError::Tls(TlsError::TLS(error)) => of_tls(error),
            ConnectionError::Timeout(_) => gone("it doesn't answer".to_owned(), START_IT),
            ConnectionError::ConnectionRefused(code) => refused(*code),
            ConnectionError::MqttState(error) => ended(error),
            other => gone(other.to_string(), CHECK_LOG),
        }
    }
}

/// What TLS says, inside of a network's error.
fn tls_inside(error: &std::io::Error) -> Option<&rustls::Error> {
    error.get_ref()?.downcast_ref()
}

fn is_plain(error: &std::io::Error) -> bool {
    tls_inside(error).is_none()
}

/// A network's error; TLS's errors come inside of them.
fn of_io(error: &std::io::Error) -> Trouble {
    tls_inside(error)
        .map_or_else(|| Trouble { reason: error.to_string(), next_step: START_IT, cause: Break::Gone }, of_tls)
}

fn of_tls(error: &rustls::Error) -> Trouble {
    use rustls::CertificateError as Certificate;
    let trouble = |reason: &str, next_step| Trouble { reason: reason.to_owned(), next_step, cause: Break::Gone };
    match error {
        rustls::Error::InvalidCertificate(reason) => match reason {
            Certificate::UnknownIssuer | Certificate::BadSignature => {
                trouble("its certificate is from an authority that isn't trusted here", CHECK_CA)
            }
            Certificate::NotValidForName | Certificate::NotValidForNameContext { .. } => {
                trouble("its certificate is for another name", CHECK_NAME)
            }
            Certificate::Expired
            | Certificate::ExpiredContext { .. }
            | Certificate::NotValidYet
            | Certificate::NotValidYetContext { .. } => {
                trouble("its certificate isn't valid at this time", CHECK_CLOCK)
            }
            other => trouble(&format!("its certificate isn't good: {other}"), CHECK_CA),
        },
        rustls::Error::AlertReceived(alert) => of_alert(*alert),
        rustls::Error::InvalidMessage(_) => trouble("it doesn't speak TLS", CHECK_SPEECH),
        other => trouble(&format!("TLS: {other}"), CHECK_LOG),
    }
}

/// What the broker said before it closed the connection.
fn of_alert(alert: rustls::AlertDescription) -> Trouble {
    use rustls::AlertDescription as Alert;
    let (reason, next_step) = match alert {
        Alert::CertificateRequired | Alert::NoCertificate => ("it wants a certificate of this board", CHECK_IDENTITY),
        Alert::UnknownCA
        | Alert::BadCertificate
        | Alert::CertificateUnknown
        | Alert::CertificateExpired
        | Alert::CertificateRevoked
        | Alert::AccessDenied => ("it doesn't accept this board's certificate", CHECK_IDENTITY),
        // TLS 1.2 has no word for a missing certificate.
        Alert::HandshakeFailure => {
            ("it broke off the handshake; perhaps it wants a certificate of this board", CHECK_IDENTITY)
        }
        _ => ("it broke off TLS", CHECK_LOG),
    };
    Trouble { reason: format!("{reason} ({alert:?})"), next_step, cause: Break::Gone }
}

fn refused(code: ConnectReturnCode) -> Trouble {
    use ConnectReturnCode as Code;
    let next_step = match code {
        Code::BadUserNamePassword | Code::NotAuthorized | Code::BadAuthenticationMethod => CHECK_ACCOUNT,
        Code::BadClientId | Code::ClientIdentifierNotValid => "set another client_id in [broker]",
        Code::RefusedProtocolVersion | Code::UnsupportedProtocolVersion => CHECK_SPEECH,
        _ => CHECK_LOG,
    };
    Trouble { reason: format!("it refuses the connection: {}", words(&code)), next_step, cause: Break::Gone }
}

fn ended(error: &StateError) -> Trouble {
    let trouble = |reason: String, next_step, cause| Trouble { reason, next_step, cause };
    match error {
        StateError::Io(error) | StateError::Deserialization(mqttbytes::Error::Io(error)) => of_io(error),
        StateError::ConnectionAborted => {
            trouble("it closed the connection".to_owned(), CHECK_LOG_AND_NAME, Break::Gone)
        }
        StateError::AwaitPingResp => trouble("it stopped answering".to_owned(), START_IT, Break::Gone),
        StateError::ConnFail { reason } => refused(*reason),
        StateError::ServerDisconnect { reason_code, .. } => disconnected(*reason_code),
        other => trouble(format!("unexpected answer: {other}"), CHECK_SPEECH, Break::Protocol),
    }
}

fn disconnected(code: DisconnectReasonCode) -> Trouble {
    use DisconnectReasonCode as Code;
    let next_step = match code {
        Code::SessionTakenOver => RENAME,
        Code::NotAuthorized => CHECK_ACCOUNT,
        _ => CHECK_LOG,
    };
    let cause = match code {
        Code::MalformedPacket
        | Code::ProtocolError
        | Code::TopicNameInvalid
        | Code::PacketTooLarge
        | Code::PayloadFormatInvalid
        | Code::RetainNotSupported
        | Code::QoSNotSupported => Break::Protocol,
        _ => Break::Gone,
    };
    Trouble { reason: format!("it ended the connection: {}", words(&code)), next_step, cause }
}

/// What the broker said of a message (MQTT 5, 3.4.2.1). Whatever time can heal is tried again.
pub(super) const fn verdict(reason: PubAckReason) -> Verdict {
    use PubAckReason as Reason;
    match reason {
        Reason::Success | Reason::NoMatchingSubscribers => Verdict::Arrived,
        Reason::UnspecifiedError => Verdict::RefusedForNow("unspecified error"),
        Reason::ImplementationSpecificError => Verdict::RefusedForNow("implementation specific error"),
        Reason::PacketIdentifierInUse => Verdict::RefusedForNow("packet identifier in use"),
        Reason::QuotaExceeded => Verdict::RefusedForNow("quota exceeded"),
        Reason::NotAuthorized => Verdict::RefusedForGood("not authorized"),
        Reason::TopicNameInvalid => Verdict::RefusedForGood("topic name invalid"),
        Reason::PayloadFormatInvalid => Verdict::RefusedForGood("payload format invalid"),
    }
}

/// `BadUserNamePassword` as `bad user name password`.
fn words(code: &impl std::fmt::Debug) -> String {
    let mut text = String::new();
    for character in format!("{code:?}").chars() {
        if character.is_ascii_uppercase() && !text.is_empty() {
            text.push(' ');
        }
        text.push(character.to_ascii_lowercase());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_account_names_the_keys_to_check() {
        let error = ConnectionError::ConnectionRefused(ConnectReturnCode::BadUserNamePassword);
        let trouble = Trouble::of(&error);
        assert_eq!(trouble.reason, "it refuses the connection: bad user name password");
        assert!(trouble.next_step.contains("password_file"));
    }

    #[test]
    fn a_network_error_while_reading_is_no_broken_rule() {
        let reset = || std::io::Error::from(std::io::ErrorKind::ConnectionReset);
        for error in [StateError::Io(reset()), StateError::Deserialization(mqttbytes::Error::Io(reset()))] {
            assert_eq!(Trouble::of(&ConnectionError::MqttState(error)).cause, Break::Gone);
        }
        let nonsense = StateError::Deserialization(mqttbytes::Error::InvalidReason(149));
        assert_eq!(Trouble::of(&ConnectionError::MqttState(nonsense)).cause, Break::Protocol);
    }

    #[test]
    fn what_tls_refuses_names_the_key_to_check() {
        use rustls::{AlertDescription, CertificateError, Error};
        for (error, next_step) in [
            (Error::InvalidCertificate(CertificateError::UnknownIssuer), CHECK_CA),
            (Error::InvalidCertificate(CertificateError::NotValidForName), CHECK_NAME),
            (Error::InvalidCertificate(CertificateError::Expired), CHECK_CLOCK),
            (Error::AlertReceived(AlertDescription::CertificateRequired), CHECK_IDENTITY),
            (Error::AlertReceived(AlertDescription::UnknownCA), CHECK_IDENTITY),
        ] {
            let wrapped = std::io::Error::new(std::io::ErrorKind::InvalidData, error);
            assert_eq!(Trouble::of(&ConnectionError::Tls(TlsError::Io(wrapped))).next_step, next_step);
        }
        let reset = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
        assert_eq!(Trouble::of(&ConnectionError::Tls(TlsError::Io(reset))).next_step, CHECK_SPEECH);
    }

    #[test]
    fn a_doubled_client_id_is_told_from_a_broken_rule() {
        let ended = |reason_code| {
            Trouble::of(&ConnectionError::MqttState(StateError::ServerDisconnect { reason_code, reason_string: None }))
        };
        assert_eq!(ended(DisconnectReasonCode::SessionTakenOver).next_step, RENAME);
        assert_eq!(ended(DisconnectReasonCode::SessionTakenOver).cause, Break::Gone);
        assert_eq!(ended(DisconnectReasonCode::PacketTooLarge).cause, Break::Protocol);
    }
}
