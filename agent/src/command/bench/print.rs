//! What `edgeval bench` says to a person.

use std::io;

use edgeval_measure::{Figure, LatencySummary, Measured, SoakDrift};
use edgeval_wire as wire;

use super::output::{Output, Stages};
use super::soak::{Minute, Soaked};
use crate::measurement::{Number, bytes_moved};
use crate::report::energy::EnergyFigures;
use crate::terminal::{self, say};

/// Prints tables and the verdict.
pub fn print(output: &Output) -> io::Result<()> {
    terminal::print_heading(&title(output))?;
    if let (Number::Value(stages), Number::Value(whole)) = (&output.stages_us, &output.latency_us) {
        print_latencies(stages, whole)?;
    }
    if let Number::Value(soaked) = &output.soak {
        print_minutes(&soaked.minutes)?;
    }
    say!("{}", terminal::facts(facts(output)))?;
    terminal::print_validity(&output.validity)
}

fn title(output: &Output) -> String {
    let precision = output.model.precision.map_or_else(String::new, |precision| format!(" {precision}"));
    let scenario = output.scenario.replace('_', " ");
    let jobs = if output.jobs > 1 { format!(" of {} models", output.jobs) } else { String::new() };
    format!(
        "{}{precision}, {scenario}: {} queries in {:.1} s, {} thread(s){jobs}, {}",
        output.model.name, output.queries, output.duration_s, output.threads, output.input
    )
}

fn print_latencies(stages: &Stages, whole: &LatencySummary) -> io::Result<()> {
    let mut table = terminal::table(&["", "p50", "p90", "p99", "p99.9", "max"]);
    for (name, times) in [
        ("preprocess", &stages.preprocess),
        ("inference", &stages.inference),
        ("postprocess", &stages.postprocess),
        ("whole query", whole),
    ] {
        let cells = [times.p50, times.p90, times.p99, times.p999, times.max].map(terminal::microseconds);
        table.add_row([vec![name.to_owned()], cells.to_vec()].concat());
    }
    terminal::align_numbers(&mut table);
    say!("{table}")
}

fn print_minutes(minutes: &[Minute]) -> io::Result<()> {
    let mut table = terminal::table(&["minute", "p50", "p90", "p99", "a second", "°C", "lowest MHz", "throttled"]);
    for (place, minute) in minutes.iter().enumerate() {
        let queries = &minute.queries;
        let number = if queries.whole { (place + 1).to_string() } else { format!("{:.0} s", queries.seconds) };
        let mut row = vec![number];
        row.extend([queries.p50_us, queries.p90_us, queries.p99_us].map(terminal::microseconds));
        row.push(format!("{:.0}", queries.throughput_per_s));
        row.push(cell(&minute.temperature_c, |celsius| format!("{celsius:.1}")));
        row.push(cell(&minute.lowest_cpu_frequency_khz, |khz| format!("{:.0}", *khz as f64 / 1e3)));
        row.push(cell(&minute.throttled, |throttled| if *throttled { "yes" } else { "no" }.to_owned()));
        table.add_row(row);
    }
    terminal::align_numbers(&mut table);
    say!("{table}")
}

/// The reasons are among the facts, once.
fn cell<T>(number: &Number<T>, words: impl Fn(&T) -> String) -> String {
    match number {
        Number::Value(value) => words(value),
        Number::Absent { .. } => "?".to_owned(),
    }
}

fn facts(output: &Output) -> Vec<(&'static str, String)> {
    let mut facts = match &output.generation {
        Number::Value(figures) => figures.facts(),
        Number::Absent { .. } => Vec::new(),
    };
    facts.push(("throughput", format!("{:.0} a second", output.throughput_per_s)));
    match (&output.latency_us, &output.soak) {
        (_, Number::Value(soaked)) => facts.extend(soak_facts(soaked)),
        (Number::Absent { not_measured }, _) => facts.push(("latency", format!("not measured: {not_measured}"))),
        _ => {
            let estimates = &output.early_stopping_us;
            facts.push(("p90 at 99 % confidence", estimates.p90.words(|value| terminal::microseconds(*value))));
            facts.push(("p99 at 99 % confidence", estimates.p99.words(|value| terminal::microseconds(*value))));
        }
    }
    facts.extend(model_facts(output));
    facts.extend([
        ("energy, all of it", energy_words(&output.energy, &output.energy.figures.gross_mj)),
        ("energy, net of idle", energy_words(&output.energy, &output.energy.figures.net_mj)),
        ("governor, frequency", clocks(&output.board)),
        ("temperature", terminal::reading(&output.board.temperature_c, |celsius| format!("{celsius:.1} °C"))),
        (
            "throttled",
            terminal::reading(&output.board.throttled, |condition| {
                terminal::reading(&condition.while_measured, |held| if *held { "yes" } else { "no" }.to_owned())
            }),
        ),
    ]);
    facts
}

fn soak_facts(soaked: &Soaked) -> [(&'static str, String); 2] {
    let means = &soaked.steady_means;
    let steady = |is_steady: &bool| {
        let no = if *is_steady { "yes" } else { "no" };
        format!("{no}: the last {} minutes, within {} °C", means.minutes, means.within_kelvins)
    };
    let drift =
        |drift: &SoakDrift| format!("{:.2} times its p50, {:.2} times its p90", drift.p50_ratio, drift.p90_ratio);
    [
        ("temperature is steady", soaked.steady.words(steady)),
        ("last minute against first", soaked.last_to_first.words(drift)),
    ]
}

fn model_facts(output: &Output) -> Vec<(&'static str, String)> {
    let (memory, start) = (&output.memory, &output.start_up);
    let bytes = |number: &Number<u64>| number.words(|value| terminal::bytes(*value));
    let time = |us: u64| terminal::microseconds(us as f64);
    vec![
        ("model load", time(start.model_load_us)),
        ("first inference", time(start.first_inference_us)),
        ("process start to model ready", time(start.process_to_model_ready_us)),
        ("process start to first answer", time(start.process_to_first_inference_us)),
        ("model on disk", terminal::bytes(memory.model_bytes)),
        (
            "memory (PSS) before, after load",
            format!("{}, {}", bytes(&memory.pss_before_bytes), bytes(&memory.pss_after_load_bytes)),
        ),
        ("memory (RSS) peak", bytes(&memory.rss_peak_bytes)),
        ("bytes moved an inference", bytes_moved(&output.bytes_moved)),
        (
            "runs on integers",
            output.integer_share_of_macs.words(|share| format!("{:.0} % of multiply-accumulates", share * 100.0)),
        ),
    ]
}

fn energy_words(energy: &EnergyFigures, figure: &Measured) -> String {
    let source = energy.source.as_deref().unwrap_or("no source");
    match figure {
        Measured::Figure(Figure { value, low, high, .. }) => {
            format!("{value:.3} mJ a query ({low:.3} to {high:.3}), {} by {source}", energy.quality)
        }
        Measured::NotMeasured { reason } => format!("not measured: {reason}"),
    }
}

fn clocks(board: &wire::BoardState) -> String {
    let megahertz = |khz: &u64| format!("{:.0} MHz", *khz as f64 / 1e3);
    match (board.governor.value(), board.cpu_frequency_khz.value(), board.cpu_frequency_maximum_khz.value()) {
        (Some(governor), Some(now), Some(most)) => format!("{governor}, {} of {}", megahertz(now), megahertz(most)),
        _ => terminal::reading(&board.governor, ToString::to_string),
    }
}
