//! The page of `evaluate --html`, opened by a real browser: nothing in its console, every section there, nothing from outside taken for markup.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that can't go on fails")]

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const MODEL: &str = "models/zoo/av-digits";
const SET: &str = "calibration/sets/av-digits";
const BUNDLES: &str = "models/tests/data";
/// A browser that takes longer hangs.
const DEADLINE: Duration = Duration::from_secs(90);

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap()
}

/// Evaluates and gives the page.
fn page_of(folder: &Path, arguments: &[&str]) -> PathBuf {
    let page = folder.join("report.html");
    let journal = folder.join("journal");
    let output = Command::new(env!("CARGO_BIN_EXE_edgeval"))
        .arg("evaluate")
        .args(arguments)
        .args(["--html", page.to_str().unwrap(), "--journal", journal.to_str().unwrap()])
        .current_dir(root())
        .output()
        .unwrap();
    // 3 is for timing that other processes disturbed: the page says so, and is written.
    assert!(matches!(output.status.code(), Some(0 | 3)), "{}", String::from_utf8_lossy(&output.stderr));
    page
}

/// What a browser made of a page, and what it said in its console.
struct Opened {
    dom: String,
    log: String,
}

fn open(page: &Path) -> Opened {
    let profile = tempfile::tempdir().unwrap();
    let child = Command::new("chromium")
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--enable-logging=stderr",
            "--dump-dom",
        ])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(format!("file://{}", page.display()))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("chromium: .ci/install-packages test");
    finished(child)
}

/// Its output is read while it runs, so that a full pipe stops nobody.
fn finished(mut child: Child) -> Opened {
    let reader = |mut from: Box<dyn Read + Send>| {
        std::thread::spawn(move || {
            let mut bytes = Vec::new();
            from.read_to_end(&mut bytes).map(|_| String::from_utf8_lossy(&bytes).into_owned())
        })
    };
    let dom = reader(Box::new(child.stdout.take().unwrap()));
    let log = reader(Box::new(child.stderr.take().unwrap()));
    let started = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if started.elapsed() > DEADLINE {
            child.kill().unwrap();
            panic!("the browser didn't show the page within {DEADLINE:?}");
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Opened { dom: dom.join().unwrap().unwrap(), log: log.join().unwrap().unwrap() }
}

/// Nothing in the console, all sections in the document, no address that leads out of the file.
fn is_whole(opened: &Opened) {
    let said: Vec<&str> = opened.log.lines().filter(|line| line.contains("CONSOLE")).collect();
    assert!(said.is_empty(), "{said:?}");
    let sections = [
        "scorecard",
        "accuracy",
        "samples",
        "robustness",
        "fairness",
        "interpretability",
        "consistency",
        "diversity",
        "efficiency",
    ];
    for id in sections {
        assert!(opened.dom.contains(&format!("<section id=\"{id}\"")), "section {id}");
    }
    assert!(opened.dom.contains("This page holds samples of the set") && !opened.dom.contains("<script"));
    for word in ["src=\"", "href=\""] {
        let addresses = opened.dom.split(word).skip(1).map(|rest| rest.split('"').next().unwrap());
        for address in addresses {
            assert!(address.starts_with('#') || address.starts_with("data:image/png;base64,"), "{address:.80}");
        }
    }
}

/// Some samples of the shipped set as a folder of their own, whose every name is markup.
fn hostile_set(samples: usize) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let list = std::fs::read_to_string(root().join(SET).join("samples.jsonl")).unwrap();
    let mut lines = String::new();
    for line in list.lines().take(samples) {
        let mut sample: serde_json::Value = serde_json::from_str(line).unwrap();
        for key in ["image", "audio"] {
            let file = sample[key].as_str().unwrap().to_owned();
            let to = folder.path().join(&file);
            std::fs::create_dir_all(to.parent().unwrap()).unwrap();
            std::fs::copy(root().join(SET).join(&file), to).unwrap();
        }
        let id = sample["id"].as_str().unwrap();
        sample["id"] = format!("<script>console.error('{id}')</script>").into();
        sample["label"] = format!("<i>{}</i>", sample["label"].as_str().unwrap()).into();
        sample["slice"] = serde_json::json!({"<b>key": "\"><img src=x onerror=alert(1)>"});
        lines += &format!("{sample}\n");
    }
    std::fs::write(folder.path().join("metadata.jsonl"), lines).unwrap();
    folder
}

/// The shipped model with labels that are markup, and one taken for another, so that something is wrong.
fn hostile_model() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for file in ["model.int8.onnx", "model.fp32.onnx"] {
        std::fs::copy(root().join(MODEL).join(file), folder.path().join(file)).unwrap();
    }
    let mut manifest = std::fs::read_to_string(root().join(MODEL).join("model.toml")).unwrap();
    for label in ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"] {
        let shown = match label {
            "zero" => "one",
            "one" => "zero",
            other => other,
        };
        manifest = manifest.replacen(&format!("\"{label}\""), &format!("\"<i>{shown}</i>@\""), 1);
    }
    std::fs::write(folder.path().join("model.toml"), manifest.replace("</i>@", "</i>")).unwrap();
    folder
}

#[test]
fn a_browser_shows_every_section() {
    let folder = tempfile::tempdir().unwrap();
    let page = page_of(folder.path(), &[MODEL, "--set", SET, "--budget", "20s"]);
    let opened = open(&page);
    is_whole(&opened);
    for words in
        ["Reliability diagram", "gaussian noise", "Shapley", "Histogram of", "the picture, with what", "spectrogram"]
    {
        assert!(opened.dom.contains(words), "{words}");
    }
    let size = std::fs::metadata(&page).unwrap().len();
    assert!(size < 2_000_000, "{size} bytes");
}

#[test]
fn names_from_outside_are_words() {
    let (model, set) = (hostile_model(), hostile_set(12));
    let folder = tempfile::tempdir().unwrap();
    let (model, set) = (model.path().to_str().unwrap(), set.path().to_str().unwrap());
    let page = page_of(folder.path(), &[model, "--set", set, "--split", "test", "--examine", "3"]);
    let written = std::fs::read_to_string(&page).unwrap();
    for markup in ["<script", "<i>", "<b>", "<img src=x"] {
        assert!(!written.contains(markup), "{markup} is on the page as markup");
    }
    for words in ["&lt;script&gt;console.error(", "&lt;i&gt;zero&lt;/i&gt;", "&lt;b&gt;key", "✗ wrong"] {
        assert!(written.contains(words), "{words}");
    }
    is_whole(&open(&page));
}

#[test]
fn what_was_left_out_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let page = page_of(folder.path(), &[MODEL, "--set", SET, "--quick"]);
    let opened = open(&page);
    is_whole(&opened);
    assert!(opened.dom.contains("Not measured: --quick leaves it out"));
}

/// Windows whose answers are recorded, as a set with references.
fn talk_set() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let recorded = std::fs::read(root().join(BUNDLES).join("expected.json")).unwrap();
    let recorded: serde_json::Value = serde_json::from_slice(&recorded).unwrap();
    let mut lines = String::new();
    for (number, window) in recorded["windows"].as_array().unwrap().iter().enumerate() {
        let mut sample = serde_json::json!({"id": number.to_string(), "references": ["is"]});
        for key in ["text", "ask", "turns"] {
            sample[key] = window[key].clone();
        }
        if let Some(levels) = window["image"].as_array() {
            let levels = levels.iter().map(|level| u8::try_from(level.as_u64().unwrap()).unwrap()).collect();
            sample["image"] = format!("{number}.png").into();
            let picture = image::GrayImage::from_raw(4, 4, levels).unwrap();
            picture.save(folder.path().join(format!("{number}.png"))).unwrap();
        }
        lines += &format!("{sample}\n");
    }
    std::fs::write(folder.path().join("metadata.jsonl"), lines).unwrap();
    folder
}

#[test]
fn words_that_a_model_generates_are_shown_with_their_falls() {
    let (folder, set) = (tempfile::tempdir().unwrap(), talk_set());
    let page = page_of(folder.path(), &[&format!("{BUNDLES}/talk"), "--set", set.path().to_str().unwrap()]);
    let opened = open(&page);
    is_whole(&opened);
    for words in ["exact match", "chrF2", "class=\"word", "said <q>"] {
        assert!(opened.dom.contains(words), "{words}");
    }
}

/// Pictures and texts that belong together, each pair another one.
fn pairs_set(pairs: u8) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut lines = String::new();
    for pair in 0..pairs {
        let level = |pixel: u8| pixel.wrapping_mul(17).wrapping_add(pair.wrapping_mul(53));
        let picture = image::GrayImage::from_raw(4, 4, (0..16).map(level).collect()).unwrap();
        picture.save(folder.path().join(format!("{pair}.png"))).unwrap();
        let words = ["what", "is", "a", "star"].map(|word| word.repeat(usize::from(pair) % 3 + 1)).join(" ");
        let sample = serde_json::json!({"id": pair.to_string(), "file_name": format!("{pair}.png"), "text": format!("{words} {pair}")});
        lines += &format!("{sample}\n");
    }
    std::fs::write(folder.path().join("metadata.jsonl"), lines).unwrap();
    folder
}

#[test]
fn a_page_of_pairs_speaks_of_directions_and_not_of_maps() {
    let (folder, set) = (tempfile::tempdir().unwrap(), pairs_set(12));
    let model = format!("{BUNDLES}/find");
    let page = page_of(folder.path(), &[&model, "--precision", "fp32", "--set", set.path().to_str().unwrap()]);
    let opened = open(&page);
    is_whole(&opened);
    for words in ["image → text", "recall@10", "among the first five in", "direction", "there are no maps", ": finds "]
    {
        assert!(opened.dom.contains(words), "{words}");
    }
    assert!(!opened.dom.contains("Not explained"), "nothing of pairs can be explained: said once, not of each");
}

#[test]
fn a_page_that_can_t_be_written_is_told_before_the_work() {
    let started = Instant::now();
    let output = Command::new(env!("CARGO_BIN_EXE_edgeval"))
        .args(["evaluate", MODEL, "--set", SET, "--html", "/nowhere/report.html"])
        .current_dir(root())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(1) && said.contains("/nowhere/report.html"), "{said}");
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
}
