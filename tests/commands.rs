//! Commands through a real broker to the real daemon: asked, refused, done once, stopped, and a flood of nonsense.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    dead_code,
    unused_imports,
    reason = "a test that can't go on fails; support is shared"
)]

mod support;

use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant, UNIX_EPOCH};

use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{Packet, PublishProperties};
use rumqttc::v5::{Client, Event, MqttOptions};
use serde_json::Value;
use support::{Agent, Broker, Delivered, PATIENCE, Subscriber, root, wait_until};

/// Replays the reference set in real time, without end.
const LIVE: [&str; 6] = ["--model", "models/zoo/av-digits", "--replay", "calibration/sets/av-digits", "--passes", "0"];
const TRUSTED: (&str, &str) = ("EDGEVAL_COMMANDS__CLOCK_TRUSTED", "true");
const FLOOD: usize = 100_000;

fn allow(names: &str) -> (&'static str, String) {
    ("EDGEVAL_COMMANDS__ALLOW", format!("[{names}]"))
}

/// Looks again for longer: what runs at the lowest priority takes its time on a busy machine.
fn wait_longer(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + 8 * PATIENCE;
    while Instant::now() < deadline {
        if is_so() {
            return;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("waited in vain until {what}");
}

/// An agent that listens, its broker, and somebody who reads everything.
struct Scene {
    agent: Agent,
    reader: Subscriber,
    broker: Broker,
    state: tempfile::TempDir,
}

impl Scene {
    fn start(flags: &[&str], environment: &[(&str, &str)]) -> Self {
        let broker = Broker::start("");
        let reader = Subscriber::start(&broker, "reader", "#");
        let state = tempfile::tempdir().unwrap();
        let agent = Agent::start_in(state.path(), &broker.url(), flags, environment);
        let scene = Self { agent, reader, broker, state };
        scene.reader.wait_for("the agent", |message| message.topic.ends_with("/agent/live"));
        scene
    }

    /// `edgeval command`, without waiting for more than it does.
    fn ask(&self, words: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_edgeval"));
        command.args(["command", "--to", "test/agent", "--broker", &self.broker.url(), "--config", "/dev/null"]);
        command.args(["--wait", "60s", "--json"]).args(words).current_dir(root()).output().unwrap()
    }

    /// The same, and the last answer.
    fn answer(&self, words: &[&str]) -> Value {
        let output = self.ask(words);
        let text = String::from_utf8(output.stdout).unwrap();
        let last = text.lines().last().unwrap_or_else(|| panic!("{}", String::from_utf8_lossy(&output.stderr)));
        serde_json::from_str(last).unwrap()
    }

    fn code(&self, words: &[&str]) -> String {
        let answer = self.answer(words);
        answer["reason"]["code"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
    }

    fn status(&self) -> Value {
        self.answer(&["status"])["status"].clone()
    }

    fn reports(&self, kind: &str) -> Vec<Value> {
        let topic = format!("edgeval/1/test/agent/report/{kind}");
        self.reader.messages().iter().filter(|message| message.topic == topic).map(json).collect()
    }

    fn results(&self, id: &str) -> Vec<Value> {
        let topic = format!("edgeval/1/test/agent/result/{id}");
        self.reader.messages().iter().filter(|message| message.topic == topic).map(json).collect()
    }

    fn restart(&mut self, flags: &[&str], environment: &[(&str, &str)]) {
        self.agent.kill();
        self.agent = Agent::start_in(self.state.path(), &self.broker.url(), flags, environment);
    }

    /// Waits for a live message that came after now.
    fn next_live(&self, is_it: impl Fn(&Value) -> bool) -> Value {
        let before = self.reader.messages().len();
        let mut found = Value::Null;
        wait_until("a live message", || {
            let messages = self.reader.messages();
            let live = messages[before..].iter().filter(|message| message.topic.ends_with("/agent/live")).map(json);
            found = live.filter(&is_it).last().unwrap_or_default();
            !found.is_null()
        });
        found
    }
}

fn json(message: &Delivered) -> Value {
    serde_json::from_slice(&message.payload).unwrap()
}

/// Publishes as anybody could, with the properties that are given as mosquitto_pub has them.
fn publish(broker: &Broker, name: &str, body: &[u8], properties: &[&[&str]]) {
    let file = broker.file("body", "");
    std::fs::write(&file, body).unwrap();
    let (port, topic) = (broker.port.to_string(), format!("edgeval/1/test/agent/command/{name}"));
    let mut command = Command::new("mosquitto_pub");
    command.args(["-V", "5", "-h", "127.0.0.1", "-p", &port, "-q", "1", "-t", &topic, "-f", &file]);
    for property in properties {
        command.args(["-D", "publish"]).args(*property);
    }
    assert!(command.status().unwrap().success());
}

fn absolute(path: &str) -> String {
    root().join(path).display().to_string()
}

/// A new key pair of OpenSSL: private, public.
fn keys(folder: &Path, name: &str) -> (String, String) {
    let (private, public) = (folder.join(format!("{name}.pem")), folder.join(format!("{name}.pub")));
    let (private, public) = (private.display().to_string(), public.display().to_string());
    let openssl = |words: &[&str]| assert!(Command::new("openssl").args(words).status().unwrap().success());
    openssl(&["genpkey", "-algorithm", "ed25519", "-out", &private]);
    openssl(&["pkey", "-in", &private, "-pubout", "-out", &public]);
    (private, public)
}

#[test]
fn status_is_answered_where_and_as_its_sender_said_and_nothing_else_is_done() {
    let scene = Scene::start(&LIVE, &[]);
    let user = |id: &'static str| ["user-property", "id", id];
    let reply: [&[&str]; 3] = [&user("s1"), &["response-topic", "me/answers"], &["correlation-data", "c-1"]];
    publish(&scene.broker, "status", b"", &reply);
    for topic in ["me/answers", "edgeval/1/test/agent/result/s1"] {
        let answer = scene.reader.wait_for("the answer", |message| message.topic == topic);
        assert_eq!(answer.correlation, "c-1");
        let answer = json(&answer);
        assert_eq!((&answer["id"], &answer["state"]), (&"s1".into(), &"done".into()));
        assert_eq!(answer["status"]["model"]["value"]["name"], "av-digits", "{answer}");
        assert_eq!(answer["status"]["allowed"], serde_json::json!(["status"]));
    }

    assert_eq!(scene.code(&["bench"]), "not_allowed");
    publish(&scene.broker, "reboot", b"", &[&user("r1")]);
    publish(&scene.broker, "status", b"", &[&user("f1"), &["response-topic", "edgeval/1/test/agent/live"]]);
    // What is larger than a command is refused once; what is larger than a packet never comes.
    publish(&scene.broker, "status", &[b' '; 5000], &[&user("big")]);
    publish(&scene.broker, "status", &[b' '; 100_000], &[&user("huge")]);
    let status = scene.status();
    let refused = |code: &str| {
        let list = status["refused"].as_array().unwrap();
        list.iter().find(|of| of["reason"] == code).map_or(0, |of| of["count"].as_u64().unwrap())
    };
    let counts = ["not_allowed", "unknown_command", "oversized", "malformed"].map(refused);
    assert_eq!(counts, [1, 1, 1, 1], "{status}");
    assert_eq!(scene.results("big").len(), 1);
    assert_eq!(scene.results("big")[0]["reason"]["code"], "oversized");
    assert_eq!(scene.results("huge").len(), 0);
    let live = scene.next_live(|_| true);
    assert_eq!(live["publisher"]["reconnects"], 0, "the connection held");
}

#[test]
fn with_a_key_only_what_its_owner_signed_is_done_and_once() {
    let folder = tempfile::tempdir().unwrap();
    let (private, public) = keys(folder.path(), "owner");
    let (foreign, _) = keys(folder.path(), "other");
    let allowed = allow("\"status\", \"bench\", \"interval\"");
    let environment =
        [(allowed.0, allowed.1.as_str()), ("EDGEVAL_COMMANDS__PUBLIC_KEY_FILE", public.as_str()), TRUSTED];
    let mut scene = Scene::start(&LIVE, &environment);
    assert_eq!(scene.code(&["status"]), "unsigned");
    assert_eq!(scene.code(&["status", "--key", &foreign]), "bad_signature");
    assert_eq!(scene.code(&["status", "--key", &private, "--expires", "0s"]), "expired");
    assert_eq!(scene.code(&["status", "--key", &private, "--expires", "48h"]), "expiry_too_far");

    let bench = ["bench", "{\"queries\": 64, \"duration_s\": 1}", "--key", &private, "--id", "b1"];
    let done = scene.answer(&bench);
    assert_eq!(done["state"], "done", "{done}");
    scene.reader.wait_for("the report", |message| message.topic.ends_with("/report/bench"));
    let report = &scene.reports("bench")[0];
    assert_eq!(report["header"]["id"], done["report_id"]);
    assert_eq!(report["header"]["device"]["name"], "agent");
    assert!(report["body"]["bench"]["latency_us"]["value"]["count"].as_u64() >= Some(64), "{report}");
    let digest = report["header"]["local_file_sha256"].as_str().unwrap();
    assert!(scene.state.path().join(format!("reports/{digest}.json")).exists(), "the full report stays here");
    scene.reader.wait_for("the summary", |message| message.topic.ends_with("/summary/bench"));

    // The same again, and again after a kill: answered with what became of it, and not done.
    assert_eq!(scene.answer(&bench)["report_id"], done["report_id"]);
    scene.restart(&LIVE, &environment);
    assert_eq!(scene.answer(&bench)["report_id"], done["report_id"]);
    let other = ["bench", "{\"queries\": 65}", "--key", &private, "--id", "b1"];
    assert_eq!(scene.code(&other), "id_reused");
    let reports = scene.reports("bench");
    // A kill may have the outbox deliver a report twice.
    assert!(reports.iter().all(|report| report["header"]["id"] == done["report_id"]), "it ran once");
}

#[test]
fn what_can_expire_waits_for_the_clock() {
    if Path::new("/run/systemd/timesync/synchronized").exists() {
        return;
    }
    let scene = Scene::start(&LIVE, &[]);
    assert_eq!(scene.code(&["status", "--expires", "5m"]), "clock_not_synchronized");
    assert_eq!(scene.answer(&["status"])["state"], "done");
}

#[test]
fn what_expires_while_it_waits_is_not_run() {
    let allowed = allow("\"status\", \"bench\", \"cancel\"");
    let scene = Scene::start(&LIVE, &[(allowed.0, allowed.1.as_str()), TRUSTED]);
    let now_ms = || u64::try_from(UNIX_EPOCH.elapsed().unwrap().as_millis()).unwrap();
    let bench = |id: &str, expires_unix_ms: u64| {
        let (id, expires) = (["user-property", "id", id], expires_unix_ms.to_string());
        let body = br#"{"queries": 64, "duration_s": 1}"#;
        publish(&scene.broker, "bench", body, &[&id, &["user-property", "expires_unix_ms", &expires]]);
    };
    let states = |id| scene.results(id).iter().map(|result| result["state"].clone()).collect::<Vec<_>>();
    publish(&scene.broker, "bench", br#"{"duration_s": 3600}"#, &[&["user-property", "id", "long"]]);
    wait_longer("one is at work", || states("long").contains(&"running".into()));

    let (soon, later) = (now_ms() + 5000, now_ms() + 3_600_000);
    bench("late", soon);
    bench("timely", later);
    wait_until("two wait behind it", || states("timely") == ["queued"] && states("late") == ["queued"]);
    wait_until("one of them expires", || now_ms() > soon);
    assert_eq!(scene.status()["running"]["id"], "long");
    assert_eq!(scene.answer(&["cancel", "{\"id\": \"long\"}"])["state"], "done");
    wait_longer("the other's end", || states("timely").contains(&"done".into()));

    assert_eq!(states("late"), ["queued", "refused"]);
    let reason = &scene.results("late")[1]["reason"];
    assert_eq!(reason["code"], "expired");
    assert!(reason["text"].as_str().unwrap().starts_with("it expired "), "{reason}");
    assert_eq!(scene.status()["refused"], serde_json::json!([{"reason": "expired", "count": 1}]));
    // Its sender, who didn't hear that and gives it more time, is told the same.
    bench("late", later);
    wait_until("it is told again", || states("late").len() == 3);
    assert_eq!(scene.results("late")[2]["reason"]["code"], "expired");
    scene.reader.wait_for("the report", |message| message.topic.ends_with("/report/bench"));
    let reports = scene.reports("bench");
    let done = scene.results("timely").pop().unwrap();
    assert!(reports.iter().all(|report| report["header"]["id"] == done["report_id"]), "one alone ran: {reports:?}");
}

#[test]
fn an_evaluation_tells_how_far_it_is_is_stopped_and_goes_on_after_a_kill() {
    let (allowed, sets) = (allow("\"status\", \"evaluate\", \"cancel\""), absolute("calibration/sets"));
    let environment = [(allowed.0, allowed.1.as_str()), ("EDGEVAL_COMMANDS__SET_DIRECTORY", sets.as_str())];
    let flags = [&LIVE[..], &["--speed", "10"]].concat();
    let mut scene = Scene::start(&flags, &environment);
    let whole = br#"{"set": "av-digits", "budget_s": 600}"#;
    publish(&scene.broker, "evaluate", whole, &[&["user-property", "id", "e1"]]);
    publish(&scene.broker, "evaluate", br#"{"set": "../sets/av-digits"}"#, &[&["user-property", "id", "e2"]]);
    wait_longer("progress", || scene.results("e1").iter().any(|result| result["progress"]["of"].as_u64() > Some(0)));
    let status = scene.status();
    assert_eq!((&status["running"]["id"], &status["queued"][0]), (&"e1".into(), &"e2".into()), "{status}");
    let live = scene.next_live(|_| true);
    assert!(live["windows"].as_u64() >= Some(7), "ten a second are due: {}", live["windows"]);

    assert_eq!(scene.answer(&["cancel", "{\"id\": \"e1\"}"])["state"], "done");
    wait_until("its end", || scene.results("e1").iter().any(|result| result["state"] == "cancelled"));
    assert_eq!(scene.code(&["cancel", "{\"id\": \"e1\"}"]), "not_waiting");
    wait_until("the other's end", || scene.results("e2").iter().any(|result| result["reason"]["code"] == "no_set"));

    let quick = br#"{"set": "av-digits", "quick": true}"#;
    publish(&scene.broker, "evaluate", quick, &[&["user-property", "id", "e3"]]);
    // Until its process has begun, that holds what the daemon had open: another one couldn't start.
    wait_longer("its begin", || scene.results("e3").iter().any(|result| result["progress"].is_object()));
    scene.restart(&flags, &environment);
    let end = |scene: &Scene| {
        scene.results("e3").into_iter().find(|result| result["reason"].is_object() || result["state"] == "done")
    };
    wait_longer("its end", || end(&scene).is_some());
    assert_eq!(end(&scene).unwrap()["state"], "done", "{:?}; {}", end(&scene), scene.agent.log());
    scene.reader.wait_for("the report", |message| message.topic.ends_with("/report/evaluation"));
    let report = &scene.reports("evaluation")[0];
    let dimensions = &report["body"]["evaluation"]["dimensions"];
    assert!(dimensions["accuracy"]["figure"]["value"].as_f64() > Some(0.0), "{report}");
    assert!(dimensions["robustness"]["figure"]["not_measured"].is_string(), "{report}");
    assert_eq!(report["header"]["set"]["name"], "av-digits");
    scene.reader.wait_for("the summary", |message| message.topic.ends_with("/summary/evaluation"));
}

#[test]
fn an_evaluation_begins_by_the_clock() {
    let output = Command::new("date").args(["+%H:%M", "-d", "+65 seconds"]).output().unwrap();
    let time = String::from_utf8(output.stdout).unwrap().trim().to_owned();
    let set = absolute("calibration/sets/av-digits");
    let environment = [
        ("EDGEVAL_EVALUATION__DAILY_AT", time.as_str()),
        ("EDGEVAL_EVALUATION__SET", set.as_str()),
        ("EDGEVAL_EVALUATION__QUICK", "true"),
        ("EDGEVAL_EVALUATION__BUDGET_S", "20"),
    ];
    let scene = Scene::start(&LIVE, &environment);
    let status = scene.status();
    let next = status["next_evaluation_unix_ms"]["value"].as_u64().unwrap();
    let ahead_ms = next.saturating_sub(status["time_unix_ms"].as_u64().unwrap());
    assert!(ahead_ms < 66_000, "{status}");
    wait_longer("the report", || !scene.reports("evaluation").is_empty());
    let begun = scene.agent.log();
    assert!(begun.contains("command night-20"), "{begun}");
    let status = scene.status();
    assert!(status["next_evaluation_unix_ms"]["value"].as_u64() > Some(next), "{status}");
}

#[test]
fn model_and_interval_change_by_command() {
    let (allowed, models) = (allow("\"status\", \"model\", \"interval\""), absolute("models/zoo"));
    let environment = [(allowed.0, allowed.1.as_str()), ("EDGEVAL_COMMANDS__MODEL_DIRECTORY", models.as_str())];
    let scene = Scene::start(&LIVE, &environment);
    let model = scene.status()["model"]["value"].clone();
    let body = |identity: &str| format!(r#"{{"bundle": "av-digits", "identity": "{identity}", "precision": "fp32"}}"#);
    assert_eq!(scene.code(&["model", &body("00")]), "identity_differs");
    assert_eq!(scene.status()["model"]["value"], model, "the old one stays");
    let done = scene.answer(&["model", &body(model["identity"].as_str().unwrap())]);
    assert_eq!(done["state"], "done", "{done}");
    assert_eq!(scene.status()["model"]["value"]["precision"], "fp32");
    let live = scene.next_live(|live| live["windows"].as_u64() > Some(0));
    assert!(live["predictions"][0]["label"].is_string(), "{live}");

    assert_eq!(scene.code(&["interval", r#"{"live_interval_ms": 5}"#]), "out_of_range");
    assert_eq!(scene.answer(&["interval", r#"{"live_interval_ms": 250}"#])["state"], "done");
    scene.next_live(|live| live["interval_ms"].as_u64() < Some(500));
}

#[test]
fn a_hangup_has_the_configuration_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("agent.toml");
    let write = |text: &str| std::fs::write(&file, text).unwrap();
    write("[report]\nlive_interval_ms = 1000\n");
    let flags = [&LIVE[..], &["--config", file.to_str().unwrap()]].concat();
    let mut scene = Scene::start(&flags, &[]);
    write(
        "[report]\nlive_interval_ms = 250\n[commands]\nallow = [\"status\", \"bench\"]\n[outbox]\ncommit_interval_ms = 4000\n",
    );
    scene.agent.signal("HUP");
    scene.next_live(|live| live["interval_ms"].as_u64() < Some(500));
    assert!(scene.agent.log().contains("what changed in [outbox] needs a restart"), "{}", scene.agent.log());
    assert_eq!(scene.status()["allowed"], serde_json::json!(["status", "bench"]));

    for (wrong, words) in [
        ("[report]\nlive_interval_ms = 5\n", "from 100 to 3600000"),
        ("[capture.replay]\nsplit = \"none\"\n", "none"),
        ("[commands]\npublic_key_file = \"/nowhere\"\n", "/nowhere"),
    ] {
        write(wrong);
        let lines = |agent: &Agent| agent.log().matches("the new configuration isn't used").count();
        let before = lines(&scene.agent);
        scene.agent.signal("HUP");
        wait_until("the refusal", || lines(&scene.agent) == before + 1);
        assert!(scene.agent.log().lines().last().unwrap().contains(words), "{}", scene.agent.log());
        assert_eq!(scene.status()["live_interval_ms"], 250, "the old one stays");
    }
    scene.next_live(|live| live["windows"].as_u64() > Some(0));
    scene.agent.terminate();
    assert_eq!(scene.agent.wait(), 0);
}

/// What somebody without manners sends.
fn nonsense(number: usize) -> (String, Vec<u8>, PublishProperties) {
    let names = ["status", "bench", "model", "reboot", "evaluate", "interval", "%2e%2e", "cancel"];
    let bodies: [Vec<u8>; 6] = [
        b"{\"live_interval_ms\": 100".to_vec(),
        vec![0xff; 300],
        b"[".repeat(4000),
        vec![b'{'; 6000],
        format!("{{\"identity\": \"../../{number}\"}}").into_bytes(),
        vec![b' '; if number % 101 == 5 { 20_000 } else { 4096 }],
    ];
    let ids = ["", "../..", "a/b", "ü#+", "x"];
    let own = format!("n{number}");
    let id = ids.get(number % 7).copied().unwrap_or(&own).to_owned();
    let mut user_properties = vec![("id".to_owned(), id)];
    let more =
        [("expires_unix_ms", "-1"), ("expires_unix_ms", "99999999999999999999"), ("signature", "AAAA"), ("id", "y")];
    if let Some((name, value)) = more.get(number % 9) {
        user_properties.push(((*name).to_owned(), (*value).to_owned()));
    }
    let response_topic = ["me/answers", "edgeval/1/test/agent/availability", "$SYS/x"].get(number % 5);
    let properties = PublishProperties {
        response_topic: response_topic.map(|topic| (*topic).to_owned()),
        correlation_data: Some(vec![7; number % 400].into()),
        user_properties,
        ..PublishProperties::default()
    };
    // The status alone is allowed: its body is never one.
    let body = if number.is_multiple_of(names.len()) { &bodies[number % 4] } else { &bodies[number % bodies.len()] };
    (format!("edgeval/1/test/agent/command/{}", names[number % names.len()]), body.clone(), properties)
}

fn send_nonsense(port: u16) {
    let mut options = MqttOptions::new("nobody", "127.0.0.1", port);
    options.set_keep_alive(Duration::from_secs(60)).set_outgoing_inflight_upper_limit(200);
    let (client, mut connection) = Client::new(options, 100);
    let sender = std::thread::spawn(move || {
        for number in 0..FLOOD {
            let (topic, body, properties) = nonsense(number);
            client.publish_with_properties(topic, QoS::AtLeastOnce, false, body, properties).unwrap();
        }
    });
    let events = connection.iter().map(|event| event.expect("the broker takes it all"));
    let acknowledged = events.filter(|event| matches!(event, Event::Incoming(Packet::PubAck(_))));
    assert_eq!(acknowledged.take(FLOOD).count(), FLOOD);
    sender.join().unwrap();
}

fn resident_kib(id: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn a_hundred_thousand_pieces_of_nonsense_change_nothing() {
    let broker = Broker::start("max_queued_messages 0\nmax_queued_bytes 0\nmax_packet_size 200000");
    let reader = Subscriber::start(&broker, "reader", "edgeval/1/test/agent/live");
    let answers = Subscriber::start(&broker, "answers", "edgeval/1/test/agent/result/#");
    let state = tempfile::tempdir().unwrap();
    let flags = [&LIVE[..], &["--speed", "10"]].concat();
    let agent = Agent::start_in(state.path(), &broker.url(), &flags, &[]);
    reader.wait_for("windows", |message| json(message)["windows"].as_u64() > Some(5));
    let scene = Scene { agent, reader, broker, state };
    let (before, lives) = (resident_kib(scene.agent.id()), scene.reader.messages().len());
    let started = Instant::now();
    send_nonsense(scene.broker.port);
    let mut refused = 0;
    let is_over = |scene: &Scene, refused: &mut u64| {
        let status = scene.status();
        *refused = status["refused"].as_array().unwrap().iter().map(|of| of["count"].as_u64().unwrap()).sum();
        *refused >= (FLOOD - FLOOD / 100) as u64
    };
    while !is_over(&scene, &mut refused) {
        assert!(started.elapsed() < Duration::from_secs(120), "refused so far: {refused}");
    }
    let took = started.elapsed();
    let grown = resident_kib(scene.agent.id()).saturating_sub(before);
    let lives: Vec<Value> = scene.reader.messages()[lives..].iter().map(json).collect();
    let windows: u64 = lives.iter().map(|live| live["windows"].as_u64().unwrap()).sum();
    let milliseconds: u64 = lives.iter().map(|live| live["interval_ms"].as_u64().unwrap()).sum();
    let answered = answers.messages().len();
    println!(
        "{took:?}; refused {refused}; answers {answered}; grown {grown} KiB; {windows} windows in {milliseconds} ms"
    );
    assert!(grown < 8 * 1024, "{grown} KiB");
    assert!(
        windows as f64 / (milliseconds as f64 / 1000.0) > 8.0,
        "{windows} windows in {milliseconds} ms of ten a second"
    );
    assert!(answered as u64 <= 40 + 6 * took.as_secs(), "{answered} answers");
    assert_eq!(scene.next_live(|_| true)["publisher"]["reconnects"], 0);
    let lines = scene.agent.log().matches("commands refused").count();
    assert!((1..=4).contains(&lines), "{}", scene.agent.log());
}
