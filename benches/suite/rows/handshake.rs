//! What a server computes for key exchanges, on one core.

use super::super::sample::{Contender, fastest};
use super::super::{Absent, Lab, Levels, Measured, Row, Target, Unit, ratio};
use crate::exchange::Parties;

pub const ROWS: &[Row] = &[Row {
    name: "server share of a key exchange",
    beside: "OpenSSL",
    unit: Unit::Ratio,
    target: Target::AtLeast(0.75),
    levels: Levels::All,
    measure: |lab| beside_openssl(lab, one_by_one()),
}];

fn one_by_one<'a>() -> Contender<'a> {
    let mut parties = Parties::new();
    Contender::timed("odnix", move || parties.exchange())
}

fn beside_openssl(lab: &Lab, ours: Contender<'_>) -> Measured {
    ratio(fastest(&lab.effort, [ours, openssl()?]))
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
