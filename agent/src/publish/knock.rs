//! Whether a broker takes a connection: for those who want to know before they rely on it.

use std::time::Duration;

use edgeval_wire::Address;
use rumqttc::Outgoing;
use rumqttc::v5::mqttbytes::v5::Packet;
use rumqttc::v5::{AsyncClient, ConnectionError, Event, EventLoop};

use super::client::plain_options;
use super::options::Options;
use super::trouble::Trouble;

/// Why a broker doesn't take a connection, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnockError {
    /// What happened.
    pub reason: String,
    /// What to do.
    pub next_step: String,
}

/// Connects as the configuration says (name, TLS, account), and goes again. The client's name is another than the daemon's, which
/// would be put off otherwise; it publishes nothing. Gives the broker's address.
///
/// # Errors
/// When the options can't be used, or the broker refuses, can't be reached or doesn't answer in time.
pub fn knock(options: &Options, address: &Address, deadline: Duration) -> Result<String, KnockError> {
    let client_id = Some(format!("edgeval-doctor-{}", std::process::id()));
    let own = Options { client_id, ..options.clone() };
    let failed = |reason: String, next_step: &str| KnockError { reason, next_step: next_step.to_owned() };
    let broker =
        own.broker(address).map_err(|error| failed(error.to_string(), "mend [broker] in the configuration"))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| failed(format!("can't start: {error}"), "try again"))?;
    let (client, event_loop) = AsyncClient::new(plain_options(&broker), 4);
    let answer = runtime.block_on(async { tokio::time::timeout(deadline, come_and_go(&client, event_loop)).await });
    // A name that is still being looked up must not hold up the answer.
    runtime.shutdown_background();
    match answer {
        Ok(Ok(())) => Ok(broker.to_string()),
        Ok(Err(error)) => {
            let Trouble { reason, next_step, .. } = Trouble::of(&error);
            Err(failed(format!("{broker}: {reason}"), next_step))
        }
        Err(_) => Err(failed(
            format!("{broker} doesn't answer within {} seconds", deadline.as_secs()),
            "check that the broker runs, that url in [broker] is right, and what is between (firewall)",
        )),
    }
}

async fn come_and_go(client: &AsyncClient, mut event_loop: EventLoop) -> Result<(), ConnectionError> {
    loop {
        match event_loop.poll().await? {
            // With a channel of four this can't be full.
            Event::Incoming(Packet::ConnAck(_)) => drop(client.try_disconnect()),
            Event::Outgoing(Outgoing::Disconnect) => return Ok(()),
            _ => {}
        }
    }
}
