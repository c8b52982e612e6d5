//! Times stages.
use edgeval_models::*;
use std::time::Instant;
fn rss() -> (u64, u64) {
    let s = std::fs::read_to_string("/proc/self/smaps_rollup").unwrap();
    let f = |k: &str| {
        s.lines().find(|l| l.starts_with(k)).unwrap().split_whitespace().nth(1).unwrap().parse::<u64>().unwrap()
    };
    (f("Rss:"), f("Pss_Anon:"))
}
fn main() {
    let arg: Vec<String> = std::env::args().collect();
    let precision: Precision = arg[1].parse().unwrap();
    println!("before {:?}", rss());
    let t = Instant::now();
    let bundle = Bundle::open("models/zoo/av-digits".as_ref()).unwrap();
    let mut model = Model::load(&bundle, precision, arg.get(2).map_or(1, |a| a.parse().unwrap())).unwrap();
    println!("load {:?} after {:?}", t.elapsed(), rss());
    let mut window = model.seeded_window(1);
    if arg.len() > 3 {
        window.image = Some(Picture {
            width: 640,
            height: 480,
            channels: Channels::Rgb,
            data: (0..640 * 480 * 3).map(|i| (i * 7 % 251) as u8).collect(),
        });
    }
    let start = Instant::now();
    let clock = || start.elapsed();
    let mut t: Vec<[u128; 3]> = (0..1000)
        .map(|_| {
            let t = model.predict(&window, &clock).unwrap();
            [t.preprocess.as_nanos(), t.inference.as_nanos(), t.postprocess.as_nanos()]
        })
        .collect();
    for s in 0..3 {
        t.sort_by_key(|t| t[s]);
        println!("stage {s}: p50 {} us min {}", t[500][s] as f64 / 1000.0, t[0][s] as f64 / 1000.0);
    }
    println!("ran {:?}", rss());
}
