//! How many multiply-accumulates of bytes one core can do at most: `cargo run -p edgeval-int8 --no-default-features --example peak`.
//!
//! Runs the instructions of each kernel on registers alone, eight sums that don't wait for each other, and prints the best
//! of many short runs in GMAC/s. No memory is read, nothing is packed or stored: a whole model stays under it.

#![allow(unsafe_code, reason = "instructions that a compiler must neither leave out nor move")]

fn main() {
    #[cfg(target_arch = "x86_64")]
    x86::print_all();
    #[cfg(not(target_arch = "x86_64"))]
    println!("not measured: there is no loop for this processor");
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::asm;
    use std::time::Instant;

    /// Turns of a loop that is timed: some tens of microseconds.
    const TURNS: u64 = 10_000;
    /// How often it is timed.
    const RUNS: usize = 3_000;
    /// Instructions of a turn that multiply, for one vector of sums each.
    const SUMS: u64 = 8;

    /// Adds products to sums.
    macro_rules! added {
        ($sum:literal $product:literal) => {
            concat!("vpaddd ymm", $sum, ", ymm", $sum, ", ymm", $product, "\n")
        };
    }

    /// Adds pairs of 16-bit products: `vpmaddwd` of two registers.
    macro_rules! paired {
        ($sum:literal $product:literal, $one:literal, $two:literal) => {
            concat!("vpmaddwd ymm", $product, ", ymm", $one, ", ymm", $two, "\n", added!($sum $product))
        };
    }

    /// Bytes in pairs: the products of AVX2's symmetric kernel.
    macro_rules! bytes {
        ($sum:literal $product:literal) => {
            concat!("vpmaddubsw ymm", $product, ", ymm12, ymm13\n", paired!($sum $product, $product, "14"))
        };
    }

    /// 16-bit elements in pairs: the products of AVX2's other kernel.
    macro_rules! words {
        ($sum:literal $product:literal) => {
            paired!($sum $product, "12", "13")
        };
    }

    /// Bytes in fours.
    macro_rules! fours {
        ($sum:literal $product:literal) => {
            concat!("{{vex}} vpdpbusd ymm", $sum, ", ymm12, ymm13\n")
        };
    }

    macro_rules! looped {
        ($line:ident) => {
            |turns: u64| {
                // SAFETY: touches vector registers and a counter alone, all of them declared; `print_all` saw that there are
                // the instructions.
                unsafe {
                    asm!(
                        "2:",
                        concat!(
                            $line!("0" "8"), $line!("1" "9"), $line!("2" "10"), $line!("3" "11"),
                            $line!("4" "8"), $line!("5" "9"), $line!("6" "10"), $line!("7" "11")
                        ),
                        "dec {turns}",
                        "jnz 2b",
                        turns = inout(reg) turns => _,
                        out("ymm0") _, out("ymm1") _, out("ymm2") _, out("ymm3") _, out("ymm4") _, out("ymm5") _,
                        out("ymm6") _, out("ymm7") _, out("ymm8") _, out("ymm9") _, out("ymm10") _, out("ymm11") _,
                        out("ymm12") _, out("ymm13") _, out("ymm14") _, options(nomem, nostack),
                    );
                }
            }
        };
    }

    pub fn print_all() {
        if is_x86_feature_detected!("avx2") {
            print("vpmaddubsw + vpmaddwd + vpaddd", 32, looped!(bytes));
            print("vpmaddwd + vpaddd", 16, looped!(words));
        }
        if is_x86_feature_detected!("avxvnni") {
            print("vpdpbusd", 32, looped!(fours));
        }
    }

    fn print(name: &str, macs: u64, looped: impl Fn(u64)) {
        let seconds = |_| {
            let start = Instant::now();
            looped(TURNS);
            start.elapsed().as_secs_f64()
        };
        let best = (0..RUNS).map(seconds).fold(f64::INFINITY, f64::min);
        println!("{:.1} {name}", (macs * SUMS * TURNS) as f64 / best / 1e9);
    }
}
