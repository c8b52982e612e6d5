//! A bounded channel that gives up the oldest to take the newest.

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};

/// The sending side; it can take back what nobody fetched.
#[derive(Clone, Debug)]
pub struct Relay<T> {
    sender: Sender<T>,
    oldest: Receiver<T>,
}

/// A relay that holds at most `capacity`, and where to fetch from it.
#[must_use]
pub fn relay<T>(capacity: usize) -> (Relay<T>, Receiver<T>) {
    let (sender, receiver) = bounded(capacity);
    (Relay { sender, oldest: receiver.clone() }, receiver)
}

impl<T> Relay<T> {
    /// Sends, and says how many of the oldest had to go.
    pub fn send(&self, mut item: T) -> u64 {
        let mut given_up = 0;
        while let Err(TrySendError::Full(back)) = self.sender.try_send(item) {
            item = back;
            given_up += u64::from(self.oldest.try_recv().is_ok());
        }
        given_up
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_goes_when_there_is_no_room() {
        let (relay, receiver) = relay(2);
        let given_up: u64 = (0..5).map(|number| relay.send(number)).sum();
        assert_eq!(given_up, 3);
        assert_eq!(receiver.try_iter().collect::<Vec<_>>(), [3, 4]);
    }
}
