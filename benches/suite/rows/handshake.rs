//! What a server computes for key exchanges, on one core.

use super::super::sample::{Contender, fastest};
use super::super::{Absent, Lab, Levels, Measured, Row, Target, Unit, ratio};
use crate::exchange::Parties;
use odnix_kernels::Level;

pub const ROWS: &[Row] = &[
    row("key exchange, server", Levels::All, 0.75, |lab| beside_openssl(lab, 1)),
    row("8 key exchanges, server", Levels::From(Level::Vaes512), 5.5, |lab| beside_openssl(lab, 8)),
];

const fn row(name: &'static str, levels: Levels, least: f64, measure: fn(&Lab) -> Measured) -> Row {
    let target = Target::AtLeast(least);
    Row { name, beside: "OpenSSL", unit: Unit::Ratio, target, levels, measure }
}

/// So many exchanges at once beside as many times OpenSSL's powers.
fn beside_openssl(lab: &Lab, count: usize) -> Measured {
    let mut parties = Parties::new();
    let ours = Contender::timed("odnix", || parties.exchange(count).all);
    let [ours, mut theirs] = fastest(&lab.effort, [ours, openssl()?]);
    theirs.ns *= count as f64;
    theirs.of = "OpenSSL, one after the other";
    ratio([ours, theirs])
}

#[cfg(feature = "openssl")]
fn openssl<'a>() -> Result<Contender<'a>, Absent> {
    let exchange = crate::peers::openssl::Exchange::new(crate::exchange::KEY_PEM);
    let mut exchange = exchange.map_err(|_| Absent("OpenSSL could not read the key"))?;
    Ok(Contender::new("OpenSSL", move || exchange.serve().expect("valid numbers")))
}

#[cfg(not(feature = "openssl"))]
fn openssl<'a>() -> Result<Contender<'a>, Absent> {
    Err(Absent("built without the feature `openssl`"))
}
