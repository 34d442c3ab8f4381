//! Two versions of a schema, and what their differences mean for a client built from the old
//! one that meets a server built from the new one.
//!
//! Such a client sends what the old schema's functions and their arguments can hold; the server
//! must have a reading for it. It receives the results of functions that both schemas have, and
//! whatever no function mentions, which the server sends unasked; the client must have a reading
//! for that. A constructor is judged by where it can be met.

mod fields;
mod sides;

use alloc::{collections::BTreeMap, format, string::String, vec::Vec};
use core::fmt;

use self::sides::{Reach, Side};
use super::{Definition, Field, Kind, Name, Schema};

/// One difference between two schemas.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Change {
    /// What differs, as a sentence without a full stop; names are in backticks.
    pub what: String,
    /// Whom it breaks.
    pub effect: Effect,
    /// Why, and where it helps, what to do instead.
    pub why: String,
}

/// Whom a change breaks. The variants are complete: a client speaks one of two forms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effect {
    /// Every old client that meets it.
    Breaks,
    /// Old clients that use the JSON form, where names count.
    BreaksJson,
    /// Nobody.
    Safe,
}

impl Change {
    /// Whether it breaks old clients that speak the binary form.
    pub fn breaks(&self) -> bool {
        self.effect == Effect::Breaks
    }
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Breaks => "yes",
            Self::BreaksJson => "JSON only",
            Self::Safe => "no",
        })
    }
}

/// All differences, those that break something first.
///
/// A change is judged by where its lines can be met: a client built from the old schema sends what
/// the arguments of the old functions can hold, and receives the results of functions that both
/// schemas have, and whatever no function mentions.
///
/// ```
/// use odnix_tl::schema::{Schema, diff};
///
/// let old = Schema::parse("a#1 x:int = A;\n---functions---\nf#2 = A;").unwrap();
/// let new = Schema::parse("a#1 x:int = A;\nb#3 = A;\n---functions---\nf#2 = A;").unwrap();
/// let changes = diff(&old, &new);
/// assert!(changes[0].breaks());
/// assert_eq!(changes[0].what, "constructor `b` added, with the id 00000003");
/// ```
pub fn diff(old: &Schema, new: &Schema) -> Vec<Change> {
    let (old_side, new_side) = (Side::new(old), Side::new(new));
    let renamed = sides::renamed_types(&old_side, &new_side);
    let sent = sides::sent(&old_side);
    let received = sides::received(&old_side, &new_side);
    let mut comparison = Comparison {
        old: old_side,
        new: new_side,
        renamed,
        sent,
        received,
        changes: Vec::new(),
        words: Vec::new(),
    };
    comparison.types();
    for definition in &old.definitions {
        comparison.old_definition(definition);
    }
    for definition in &new.definitions {
        comparison.new_definition(definition);
    }
    comparison.layer(old.layer, new.layer);
    let Comparison { mut changes, words, .. } = comparison;
    changes.extend(words);
    changes.sort_by_key(|change| change.effect);
    changes
}

struct Comparison<'a> {
    old: Side<'a>,
    new: Side<'a>,
    /// Types whose constructors are now all of a type with another name.
    renamed: BTreeMap<&'a Name, &'a Name>,
    sent: Reach<'a>,
    received: Reach<'a>,
    changes: Vec<Change>,
    /// Those that no machine sees.
    words: Vec<Change>,
}

/// Who of an old client and a new server may send a value to the other.
#[derive(Clone, Copy, Debug)]
struct Ways {
    /// The client.
    sent: bool,
    /// The server.
    received: bool,
}

impl Ways {
    fn any(self) -> bool {
        self.sent || self.received
    }
}

const UNUSED: &str = "no old client sends or receives it";

impl<'a> Comparison<'a> {
    fn add(&mut self, effect: Effect, what: String, why: impl Into<String>) {
        self.changes.push(Change { what, effect, why: why.into() });
    }

    fn ways(&self, old: &Definition, new: &Definition) -> Ways {
        match old.kind {
            Kind::Function => Ways { sent: true, received: false },
            Kind::Constructor => Ways {
                sent: self.sent.constructors.contains(&old.name),
                received: self.received.constructors.contains(&new.name),
            },
        }
    }

    /// Types that came, went, or have another name.
    fn types(&mut self) {
        for (from, to) in self.renamed.clone() {
            let why = "the constructors keep their ids, and no form names the type";
            self.add(Effect::Safe, format!("type `{from}` is now called `{to}`"), why);
        }
        for name in self.old.types.keys().copied().collect::<Vec<_>>() {
            if !self.is_type_gone(name) {
                continue;
            }
            let constructors = self.old.types.get(name).into_iter().flatten();
            let is_sent = constructors.clone().any(|of| self.sent.constructors.contains(&of.name));
            let what =
                format!("type `{name}` removed, with {}", list(constructors.map(|of| &of.name)));
            self.removed(what, is_sent);
        }
        for name in self.new.types.keys().copied().collect::<Vec<_>>() {
            if self.is_type_new(name) {
                let constructors = self.new.types.get(name).into_iter().flatten();
                let what =
                    format!("type `{name}` added, with {}", list(constructors.map(|of| &of.name)));
                self.add(Effect::Safe, what, "old clients do not know it, and nothing makes them");
            }
        }
    }

    /// Whether neither the type nor one of its constructors is in the new schema.
    fn is_type_gone(&self, name: &Name) -> bool {
        let mut constructors = self.old.types.get(name).into_iter().flatten();
        !self.new.types.contains_key(name)
            && constructors.all(|of| self.new.twin(of).is_none() && self.new.namesake(of).is_none())
    }

    /// Whether neither the type nor one of its constructors is in the old schema.
    fn is_type_new(&self, name: &Name) -> bool {
        let mut constructors = self.new.types.get(name).into_iter().flatten();
        !self.old.types.contains_key(name)
            && constructors.all(|of| self.old.twin(of).is_none() && self.old.namesake(of).is_none())
    }

    fn removed(&mut self, what: String, is_sent: bool) {
        if is_sent {
            let why = "old clients send it, and the server cannot read it any more; keep it until \
                       they are gone";
            self.add(Effect::Breaks, what, why);
        } else {
            self.add(Effect::Safe, what, "old clients never send it, and now never receive it");
        }
    }

    /// What became of an old line.
    fn old_definition(&mut self, old: &'a Definition) {
        if let Some(twin) = self.new.twin(old) {
            self.same_id(old, twin);
        } else if let Some(namesake) = self.new.namesake(old) {
            self.other_id(old, namesake);
        } else if old.kind == Kind::Function || !self.is_type_gone(&old.result.name) {
            let is_sent = match old.kind {
                Kind::Function => true,
                Kind::Constructor => self.sent.constructors.contains(&old.name),
            };
            self.removed(format!("{} removed", subject(old)), is_sent);
        }
    }

    /// A name that has another id now: for the wire, one line went and another came.
    fn other_id(&mut self, old: &'a Definition, new: &'a Definition) {
        let is_sent = old.kind == Kind::Function || self.sent.constructors.contains(&old.name);
        let is_received =
            old.kind == Kind::Constructor && self.received.types.contains(&new.result.name);
        let what =
            format!("{} has the id {:08x} instead of {:08x}", subject(old), new.id(), old.id());
        let keep = "keep the old line under another name, with its id";
        match (is_sent, is_received) {
            (true, true) => {
                let why = "old clients can neither send nor read it any more";
                self.add(Effect::Breaks, what, format!("{why}; {keep}, and answer with it"));
            }
            (true, false) => {
                let why = "old clients send the old id, which the server cannot read any more";
                self.add(Effect::Breaks, what, format!("{why}; {keep}"));
            }
            (false, true) => {
                let why = "old clients cannot read the new id";
                self.add(Effect::Breaks, what, format!("{why}; {keep}, and answer with it"));
            }
            (false, false) => self.add(Effect::Safe, what, UNUSED),
        }
    }

    /// Two lines with one id: whatever differs is a difference of the same bytes.
    fn same_id(&mut self, old: &'a Definition, new: &'a Definition) {
        if old.kind != new.kind {
            let what =
                format!("the id {:08x} of {} now means {}", old.id(), subject(old), subject(new));
            return self.add(Effect::Breaks, what, "one side takes it for something else");
        }
        let ways = self.ways(old, new);
        let fields = fields::compare(self, old, new, ways);
        if old.name != new.name && fields.iter().any(Change::breaks) {
            let what =
                format!("the id {:08x} of {} now means {}", old.id(), subject(old), subject(new));
            return self.add(Effect::Breaks, what, "the same bytes are read as something else");
        }
        self.changes.extend(fields);
        if old.name != new.name {
            self.other_name(old, new, ways);
        }
        match old.kind {
            Kind::Function => self.result(old, new),
            Kind::Constructor => self.type_of(old, new),
        }
        self.words(old, new);
    }

    fn other_name(&mut self, old: &Definition, new: &Definition, ways: Ways) {
        let what = format!("{} is now called `{}`", subject(old), new.name);
        if !ways.any() {
            self.add(Effect::Safe, what, UNUSED);
        } else if self.new.namesake(old).is_some() {
            let why = "the bytes hold the id, but the JSON form holds the name, which is another \
                       line's now";
            self.add(Effect::BreaksJson, what, why);
        } else {
            let why = "the bytes hold the id, but the JSON form holds the name";
            self.add(Effect::BreaksJson, what, why);
        }
    }

    fn result(&mut self, old: &'a Definition, new: &'a Definition) {
        let fit = fields::fit(self, (old, &old.result), (new, &new.result));
        let what = format!("{} returns `{}` instead of `{}`", subject(new), new.result, old.result);
        let ways = Ways { sent: false, received: true };
        if let Some((effect, why)) = fit.judge(ways) {
            self.add(effect, what, why);
        }
    }

    /// A constructor that moved to another type.
    fn type_of(&mut self, old: &'a Definition, new: &'a Definition) {
        let (from, to) = (&old.result.name, &new.result.name);
        if from == to || self.renamed.get(from) == Some(&to) {
            return;
        }
        let what = format!("{} is of type `{to}` instead of `{from}`", subject(new));
        let is_met = self.sent.types.contains(from) || self.received.types.contains(to);
        if is_met {
            let why = "one side does not expect it where the other one sends it";
            self.add(Effect::Breaks, what, why);
        } else {
            self.add(Effect::Safe, what, UNUSED);
        }
    }

    /// Differences that no machine sees.
    fn words(&mut self, old: &Definition, new: &Definition) {
        let differs = |field: &Field| {
            new.fields.iter().any(|other| other.name == field.name && other.docs != field.docs)
        };
        if old.docs != new.docs || old.fields.iter().any(differs) {
            let what = format!("{} is documented differently", subject(new));
            self.word(what, "documentation is not sent");
        }
        if old.is_redacted != new.is_redacted {
            let what = format!("`@redact` of {} differs", subject(new));
            self.word(what, "it changes what a log shows, not what is sent");
        }
    }

    fn word(&mut self, what: String, why: &str) {
        self.words.push(Change { what, effect: Effect::Safe, why: why.into() });
    }

    /// A line that the old schema has neither by id nor by name.
    fn new_definition(&mut self, new: &'a Definition) {
        if self.old.twin(new).is_some() {
            return;
        }
        if let Some(namesake) = self.old.namesake(new) {
            // That one's id has been reported as changed, unless it lives on under another name.
            if self.new.twin(namesake).is_some() {
                self.added(new);
            }
        } else if new.kind == Kind::Function || !self.is_type_new(&new.result.name) {
            self.added(new);
        }
    }

    fn added(&mut self, new: &'a Definition) {
        let what = format!("{} added, with the id {:08x}", subject(new), new.id());
        let name = &new.result.name;
        if new.kind == Kind::Function {
            self.add(Effect::Safe, what, "old clients never call it");
        } else if self.received.types.contains(name) {
            let why = format!(
                "old clients receive `{name}` and cannot read this constructor; send it only to \
                 clients that announce a newer layer"
            );
            self.add(Effect::Breaks, what, why);
        } else {
            let why = format!("old clients only send `{name}`, or never meet it");
            self.add(Effect::Safe, what, why);
        }
    }

    fn layer(&mut self, old: Option<u32>, new: Option<u32>) {
        let number = |layer: Option<u32>| layer.map_or("none".into(), |number| format!("{number}"));
        if new > old {
            let what = format!("layer {} instead of {}", number(new), number(old));
            self.add(Effect::Safe, what, "old clients announce theirs");
        } else if new < old {
            let what = format!("layer {} instead of {}", number(new), number(old));
            self.add(Effect::Safe, what, "a layer only rises: this number has another meaning");
        } else if new.is_some() && !self.changes.is_empty() {
            let what = format!("the layer is still {}", number(new));
            let why = "raise it, or a server cannot tell old clients from new ones";
            self.add(Effect::Safe, what, why);
        }
    }
}

fn subject(definition: &Definition) -> String {
    match definition.kind {
        Kind::Constructor => format!("constructor `{}`", definition.name),
        Kind::Function => format!("function `{}`", definition.name),
    }
}

fn list<'a>(names: impl Iterator<Item = &'a Name>) -> String {
    names.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
