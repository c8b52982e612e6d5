//! A network between a program and a real broker that refuses connections and cuts them off.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

/// What a network does to connections.
#[derive(Clone, Copy, Debug, Default)]
pub struct Faults {
    /// Share of connections that are closed before a byte passes.
    pub refused: f64,
    /// Connections are cut after so many bytes towards the broker at most; 0: never.
    pub cut_within_bytes: usize,
    /// Whether what the broker says but its CONNACK is kept from the program.
    pub swallows_answers: bool,
}

/// A relay on a port of its own, in the place of a broker.
pub struct Network {
    /// Where it listens, on 127.0.0.1.
    pub port: u16,
    state: Arc<State>,
}

struct State {
    broker: u16,
    faults: Faults,
    is_bad: AtomicBool,
    connections: AtomicUsize,
    refused: AtomicUsize,
    cut: AtomicUsize,
    /// The connections that are bad, so that they can be ended.
    bad: Mutex<Vec<TcpStream>>,
}

impl Network {
    /// A network that is bad until it is mended.
    pub fn start(broker: u16, faults: Faults) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(State {
            broker,
            faults,
            is_bad: AtomicBool::new(true),
            connections: AtomicUsize::new(0),
            refused: AtomicUsize::new(0),
            cut: AtomicUsize::new(0),
            bad: Mutex::default(),
        });
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            let mut random = Pcg64::seed_from_u64(5);
            for client in listener.incoming().flatten() {
                shared.connections.fetch_add(1, Ordering::SeqCst);
                let (refuses, most) = shared.lot(&mut random);
                if refuses {
                    shared.refused.fetch_add(1, Ordering::SeqCst);
                    continue;
                }
                shared.bad.lock().unwrap().extend(client.try_clone());
                let shared = Arc::clone(&shared);
                std::thread::spawn(move || shared.relay(&client, most));
            }
        });
        Self { port, state }
    }

    /// Its address, as a broker's.
    pub fn url(&self) -> String {
        format!("mqtt://127.0.0.1:{}", self.port)
    }

    /// Ends the connections that there are; new ones are good.
    pub fn mend(&self) {
        self.state.is_bad.store(false, Ordering::SeqCst);
        for client in self.state.bad.lock().unwrap().drain(..) {
            let _ = client.shutdown(Shutdown::Both);
        }
    }

    /// Connections so far, those that were refused, and those that were cut.
    pub fn counts(&self) -> (usize, usize, usize) {
        let State { connections, refused, cut, .. } = &*self.state;
        (connections.load(Ordering::SeqCst), refused.load(Ordering::SeqCst), cut.load(Ordering::SeqCst))
    }
}

impl State {
    /// What becomes of a new connection: whether it is refused, and after how many bytes it is cut.
    fn lot(&self, random: &mut Pcg64) -> (bool, usize) {
        if !self.is_bad.load(Ordering::SeqCst) {
            return (false, usize::MAX);
        }
        let most = if self.faults.cut_within_bytes > 0 {
            random.random_range(1..=self.faults.cut_within_bytes)
        } else {
            usize::MAX
        };
        (random.random_bool(self.faults.refused), most)
    }

    /// Passes on at most so many bytes towards the broker, and then ends both connections.
    fn relay(&self, client: &TcpStream, most: usize) {
        let Ok(server) = TcpStream::connect(("127.0.0.1", self.broker)) else { return };
        let (from_server, to_client) = (server.try_clone().unwrap(), client.try_clone().unwrap());
        let swallows = self.faults.swallows_answers && self.is_bad.load(Ordering::SeqCst);
        let back = std::thread::spawn(move || answer(from_server, to_client, swallows));
        let passed = std::io::copy(&mut client.take(most as u64), &mut &server);
        if passed.is_ok_and(|passed| passed == most as u64) {
            self.cut.fetch_add(1, Ordering::SeqCst);
        }
        let _ = server.shutdown(Shutdown::Both);
        let _ = client.shutdown(Shutdown::Both);
        let _ = back.join();
    }
}

/// Passes on what the broker says; but the CONNACK alone, if it swallows the rest.
fn answer(mut server: TcpStream, mut client: TcpStream, swallows: bool) {
    if !swallows {
        let _ = std::io::copy(&mut server, &mut client);
        return;
    }
    // Type, length (below 128), and so many bytes (MQTT 5, 3.2).
    let mut head = [0; 2];
    if server.read_exact(&mut head).is_ok() {
        let mut rest = vec![0; usize::from(head[1])];
        let _ = server.read_exact(&mut rest).and_then(|()| client.write_all(&[&head[..], &rest].concat()));
    }
    let _ = std::io::copy(&mut server, &mut std::io::sink());
}
