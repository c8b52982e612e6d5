//! Whether a command is done at all: pure. What costs least is looked at first, and nothing is remembered of what is refused.

use std::collections::BTreeSet;

use edgeval_wire::{Command, CommandName, MAX_COMMAND_BYTES, Name};

use super::signature::{PublicKey, signed_bytes};
use crate::publish::{Incoming, Properties};

/// A signed command is valid this long at most, so that its id is remembered for as long as it could be sent again.
const LONGEST_LIFE_MS: u64 = 24 * 3600 * 1000;

/// Why a command isn't done: a code for programs, words for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Lower case with underscores.
    pub code: &'static str,
    /// What is wrong, and what to do.
    pub text: String,
}

impl Refusal {
    /// Puts both together.
    #[must_use]
    pub fn new(code: &'static str, text: impl Into<String>) -> Self {
        Self { code, text: text.into() }
    }
}

/// The wall clock's time.
#[derive(Clone, Copy, Debug)]
pub struct Wall {
    /// Milliseconds since 1970.
    pub unix_ms: u64,
    /// Whether that can be believed.
    pub synchronized: bool,
}

/// A command that may be done.
#[derive(Clone, Debug, PartialEq)]
pub struct Taken {
    /// Its id.
    pub id: Name,
    /// What is asked for.
    pub command: Command,
    /// When it is no longer to be done, in milliseconds since 1970.
    pub expires_unix_ms: Option<u64>,
    /// SHA-256 of topic and body: the same id with another one is another command.
    pub digest: String,
}

/// What may be done, and for whom.
#[derive(Clone, Debug)]
pub struct Gate {
    /// Commands that are allowed.
    pub allow: BTreeSet<CommandName>,
    /// With it, only what its owner signed.
    pub key: Option<PublicKey>,
}

impl Gate {
    /// Judges a command.
    ///
    /// # Errors
    /// When it isn't to be done, with the reason.
    pub fn judge(&self, incoming: &Incoming, wall: Wall) -> Result<Taken, Refusal> {
        let name: CommandName = incoming.name.parse().map_err(|words| Refusal::new("unknown_command", words))?;
        if !self.allow.contains(&name) {
            let words =
                format!("{name} isn't allowed here; `allow` in [commands] of the board's configuration says what is");
            return Err(Refusal::new("not_allowed", words));
        }
        let too_large = |bytes| format!("the body has {bytes} bytes; at most {MAX_COMMAND_BYTES} are taken");
        let body = incoming.body.as_ref().map_err(|bytes| Refusal::new("oversized", too_large(bytes)))?;
        let properties = incoming.properties.as_ref().map_err(|words| Refusal::new("malformed", *words))?;
        let id = id(properties)?;
        if let Some(key) = &self.key {
            check_signature(key, incoming, properties, body)?;
        }
        let expires_unix_ms = expiry(properties, wall, self.key.is_some())?;
        let command = Command::parse(name, body).map_err(|error| Refusal::new("malformed", error.to_string()))?;
        let digest = edgeval_models::sha256(&signed_bytes(&incoming.topic, "", "", body));
        Ok(Taken { id, command, expires_unix_ms, digest })
    }
}

fn id(properties: &Properties) -> Result<Name, Refusal> {
    let missing = || {
        Refusal::new("no_id", "the user property `id` is missing: choose one, and send the same again with the same")
    };
    let id = properties.id.as_deref().ok_or_else(missing)?;
    Name::new(id).map_err(|error| Refusal::new("bad_id", error.to_string()))
}

fn check_signature(key: &PublicKey, incoming: &Incoming, of: &Properties, body: &[u8]) -> Result<(), Refusal> {
    let unsigned = || Refusal::new("unsigned", "only signed commands are done here: docs/commands.md says how to sign");
    let signature = of.signature.as_deref().ok_or_else(unsigned)?;
    let (id, expires) = (of.id.as_deref().unwrap_or_default(), of.expires.as_deref().unwrap_or_default());
    if key.vouches(&signed_bytes(&incoming.topic, id, expires, body), signature) {
        return Ok(());
    }
    Err(Refusal::new(
        "bad_signature",
        "the signature isn't that of this topic, id, expiry and body by the key that is trusted here",
    ))
}

/// When the command ends. A signed one must say so: whoever recorded it could send it again for ever.
fn expiry(properties: &Properties, wall: Wall, is_signed: bool) -> Result<Option<u64>, Refusal> {
    let Some(text) = &properties.expires else {
        let missing = "a signed command needs the user property `expires_unix_ms`";
        return if is_signed { Err(Refusal::new("no_expiry", missing)) } else { Ok(None) };
    };
    let wrong = |_| Refusal::new("bad_expiry", "`expires_unix_ms` must be milliseconds since 1970, in digits");
    let expires: u64 = text.parse().map_err(wrong)?;
    if !wall.synchronized {
        let words = "this board's clock isn't synchronised, so it can't tell whether the command has expired: wait, or set \
                     `clock_trusted` in [commands]";
        return Err(Refusal::new("clock_not_synchronized", words));
    }
    check_life(expires, wall)?;
    Ok(Some(expires))
}

/// Whether the command may be done now.
///
/// # Errors
/// When it expired, or would be valid for too long.
pub fn check_life(expires_unix_ms: u64, wall: Wall) -> Result<(), Refusal> {
    if expires_unix_ms <= wall.unix_ms {
        return Err(Refusal::new("expired", format!("it expired {} ms ago", wall.unix_ms - expires_unix_ms)));
    }
    if expires_unix_ms - wall.unix_ms > LONGEST_LIFE_MS {
        return Err(Refusal::new("expiry_too_far", "a command may be valid for 24 hours at most"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use edgeval_wire::BenchCommand;

    use super::super::signature::tests::keys;
    use super::*;
    use crate::publish::Reply;

    const NOW: Wall = Wall { unix_ms: 1_000_000, synchronized: true };

    fn gate() -> Gate {
        Gate { allow: [CommandName::Status, CommandName::Bench].into(), key: None }
    }

    fn incoming(name: &str, body: &[u8], id: &str) -> Incoming {
        Incoming {
            topic: format!("edgeval/1/home/pi/command/{name}"),
            name: name.to_owned(),
            body: Ok(body.to_vec()),
            properties: Ok(Properties { id: Some(id.to_owned()), ..Properties::default() }),
            reply: Reply::default(),
        }
    }

    fn with_expiry(expires: &str) -> Incoming {
        let properties = Properties { id: Some("a".into()), expires: Some(expires.to_owned()), signature: None };
        Incoming { properties: Ok(properties), ..incoming("bench", b"", "a") }
    }

    fn code(gate: &Gate, incoming: &Incoming, wall: Wall) -> &'static str {
        gate.judge(incoming, wall).map_or_else(|refusal| refusal.code, |_| "taken")
    }

    #[test]
    fn an_allowed_command_is_taken() {
        let taken = gate().judge(&incoming("bench", b"{\"queries\":64}", "a"), NOW).unwrap();
        assert_eq!(taken.command, Command::Bench(BenchCommand { queries: 64, duration_s: 1 }));
        assert_eq!((taken.id.as_str(), taken.expires_unix_ms), ("a", None));
    }

    #[test]
    fn each_wrong_command_is_refused_for_its_reason() {
        let oversized = Incoming { body: Err(9999), ..incoming("bench", b"", "a") };
        let nameless = Incoming { properties: Ok(Properties::default()), ..incoming("bench", b"", "a") };
        let doubled = Incoming { properties: Err("twice"), ..incoming("bench", b"", "a") };
        for (incoming, expected) in [
            (incoming("reboot", b"", "a"), "unknown_command"),
            (incoming("model", b"", "a"), "not_allowed"),
            (oversized, "oversized"),
            (nameless, "no_id"),
            (doubled, "malformed"),
            (incoming("bench", b"", "a/b"), "bad_id"),
            (incoming("bench", b"{\"querys\":1}", "a"), "malformed"),
            (incoming("bench", b"\xff", "a"), "malformed"),
            (with_expiry("soon"), "bad_expiry"),
            (with_expiry("-1"), "bad_expiry"),
            (with_expiry("1000000"), "expired"),
            (with_expiry("1000001"), "taken"),
            (with_expiry("99999999999"), "expiry_too_far"),
        ] {
            assert_eq!(code(&gate(), &incoming, NOW), expected, "{incoming:?}");
        }
    }

    #[test]
    fn what_can_expire_waits_for_the_clock() {
        let unknown = Wall { synchronized: false, ..NOW };
        assert_eq!(code(&gate(), &with_expiry("1000001"), unknown), "clock_not_synchronized");
        assert_eq!(code(&gate(), &incoming("bench", b"", "a"), unknown), "taken");
    }

    #[test]
    fn with_a_key_only_its_owner_is_heard() {
        let (private, public) = keys();
        let gate = Gate { key: Some(public), ..gate() };
        let signed = |id: &str, expires: Option<&str>, body: &[u8]| {
            let topic = "edgeval/1/home/pi/command/bench";
            let signature = private.sign(&signed_bytes(topic, id, expires.unwrap_or_default(), body));
            let expires = expires.map(str::to_owned);
            let properties = Properties { id: Some(id.to_owned()), expires, signature: Some(signature) };
            Incoming { properties: Ok(properties), ..incoming("bench", body, id) }
        };
        let good = signed("a", Some("1000001"), b"{}");
        let altered = |change: fn(&mut Incoming)| {
            let mut altered = good.clone();
            change(&mut altered);
            altered
        };
        for (incoming, expected) in [
            (good.clone(), "taken"),
            (incoming("status", b"", "a"), "unsigned"),
            (signed("a", None, b"{}"), "no_expiry"),
            (altered(|other| other.body = Ok(b"{ }".to_vec())), "bad_signature"),
            (altered(|other| other.topic = "edgeval/1/home/other/command/bench".into()), "bad_signature"),
            (altered(|other| other.properties.as_mut().unwrap().id = Some("b".into())), "bad_signature"),
            (altered(|other| other.properties.as_mut().unwrap().expires = Some("1000002".into())), "bad_signature"),
        ] {
            assert_eq!(code(&gate, &incoming, NOW), expected, "{incoming:?}");
        }
    }
}
