//! How long things take, beside each other.
//!
//! The contenders of a row take turns, a short sample each, so that what else the machine does
//! meets all of them; the fastest sample of each is the one least disturbed.

use std::hint::black_box;
use std::time::{Duration, Instant};

/// How much time a row may take.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// What one sample should last.
    sample: Duration,
    /// When to stop taking turns.
    budget: Duration,
    rounds_min: u32,
    rounds_max: u32,
    /// Inputs of a row that takes many.
    pub inputs: usize,
}

impl Effort {
    pub const FULL: Self = Self {
        sample: Duration::from_micros(200),
        budget: Duration::from_secs(3),
        rounds_min: 10,
        rounds_max: 2000,
        inputs: 2000,
    };
    pub const QUICK: Self =
        Self { budget: Duration::from_millis(300), rounds_min: 5, inputs: 500, ..Self::FULL };
    /// One call of everything: whether it works.
    pub const TINY: Self = Self {
        sample: Duration::ZERO,
        budget: Duration::ZERO,
        rounds_min: 1,
        rounds_max: 1,
        inputs: 10,
    };
}

/// The time of one call.
#[derive(Clone, Copy, Debug)]
pub struct Time {
    pub of: &'static str,
    pub ns: f64,
}

/// Something that can be done a number of times, and says how long that took.
pub struct Contender<'a> {
    name: &'static str,
    run: Box<dyn FnMut(u32) -> Duration + 'a>,
}

impl<'a> Contender<'a> {
    /// The same call again and again.
    pub fn new<R>(name: &'static str, mut call: impl FnMut() -> R + 'a) -> Self {
        let run = move |times: u32| {
            let started = Instant::now();
            for _ in 0..times {
                black_box(call());
            }
            started.elapsed()
        };
        Self { name, run: Box::new(run) }
    }

    /// A call that uses up its input. Making inputs and dropping results is not measured; so many
    /// inputs are made at once.
    pub fn with_input<I, R>(
        name: &'static str,
        at_once: u32,
        mut input: impl FnMut() -> I + 'a,
        mut call: impl FnMut(I) -> R + 'a,
    ) -> Self {
        let run = move |times: u32| {
            let mut took = Duration::ZERO;
            let mut left = times;
            while left > 0 {
                let inputs: Vec<I> = (0..left.min(at_once)).map(|_| input()).collect();
                left -= left.min(at_once);
                let mut results = Vec::with_capacity(inputs.len());
                let started = Instant::now();
                for input in inputs {
                    results.push(black_box(call(input)));
                }
                took += started.elapsed();
            }
            took
        };
        Self { name, run: Box::new(run) }
    }

    /// A call that measures itself.
    pub fn timed(name: &'static str, mut call: impl FnMut() -> Duration + 'a) -> Self {
        Self { name, run: Box::new(move |times| (0..times).map(|_| call()).sum()) }
    }
}

/// The fastest time of each, in the same order.
pub fn fastest<const N: usize>(effort: &Effort, mut contenders: [Contender<'_>; N]) -> [Time; N] {
    let times = contenders.each_mut().map(|contender| times_per_sample(effort, contender));
    let mut fastest = [Duration::MAX.as_secs_f64(); N];
    let started = Instant::now();
    for round in 0..effort.rounds_max {
        if round >= effort.rounds_min && started.elapsed() > effort.budget {
            break;
        }
        for ((contender, times), fastest) in contenders.iter_mut().zip(times).zip(&mut fastest) {
            let one = (contender.run)(times).as_secs_f64() / f64::from(times);
            *fastest = fastest.min(one);
        }
    }
    let mut fastest = fastest.into_iter();
    contenders
        .map(|contender| Time { of: contender.name, ns: fastest.next().unwrap_or(f64::NAN) * 1e9 })
}

/// Grows until a sample lasts long enough; warms up on the way.
fn times_per_sample(effort: &Effort, contender: &mut Contender<'_>) -> u32 {
    let mut times = 1;
    while (contender.run)(times) < effort.sample && times < 1 << 20 {
        times *= 2;
    }
    times
}
