//! Factorization of pq beside the peer, over the same 2,000 random products of two 31-bit primes,
//! and of what only a hostile server sends.

mod measure;

fn main() {
    let count = if std::env::args().any(|arg| arg == "--test") { 20 } else { 2000 };
    let both = measure::factorizations(count);
    println!("factorization of pq, {count} random numbers, µs");
    for (name, times) in [("odnix", &both.odnix), ("grammers", &both.grammers)] {
        let [p50, p99, max] = [50, 99, 100].map(|percent| times.percentile_us(percent));
        println!(
            "{name:>9}: mean {:.1}, p50 {p50:.1}, p99 {p99:.1}, max {max:.1}",
            times.mean_us()
        );
    }
    println!("    ratio: {:.1}", both.grammers.mean_us() / both.odnix.mean_us());
    for (name, time) in measure::hostile() {
        println!("{name:>17}: {:.1}", time.as_secs_f64() * 1e6);
    }
}
