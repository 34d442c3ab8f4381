//! Two lines with one id, field by field.

use alloc::{collections::BTreeSet, format, string::String, vec::Vec};

use super::super::{Definition, Field, FieldType, Type, check::is_raw, names::BUILT_IN_VALUES};
use super::{Change, Comparison, Effect, Ways, sides::word_index, subject};

const MISREAD: &str = "the same bytes are read as something else; it needs a new id";
const SAME_BYTES: &str = "the bytes are the same, but the JSON form has the name";
const EITHER: Ways = Ways { sent: true, received: true };

/// What a difference between two types means, for each way a value can go.
#[derive(Default)]
pub(super) struct Fit {
    sent: Option<&'static str>,
    received: Option<&'static str>,
    json: Option<&'static str>,
}

impl Fit {
    fn breaks(why: &'static str) -> Self {
        Self { sent: Some(why), received: Some(why), json: None }
    }

    /// The effect on what goes these ways; none if there is no difference.
    pub fn judge(&self, ways: Ways) -> Option<(Effect, &'static str)> {
        let sent = self.sent.filter(|_| ways.sent);
        let received = self.received.filter(|_| ways.received);
        if let Some(why) = sent.or(received) {
            return Some((Effect::Breaks, why));
        }
        if let Some(why) = self.json {
            let effect = if ways.any() { Effect::BreaksJson } else { Effect::Safe };
            return Some((effect, why));
        }
        (self.sent.is_some() || self.received.is_some())
            .then_some((Effect::Safe, "what old clients meet of it is the same"))
    }
}

/// Whether what one side writes as its type, the other reads as its own.
pub(super) fn fit(
    comparison: &Comparison<'_>,
    (old_line, old): (&Definition, &Type),
    (new_line, new): (&Definition, &Type),
) -> Fit {
    if is_raw(old_line, old) || is_raw(new_line, new) {
        let is_same = is_raw(old_line, old) && is_raw(new_line, new) && old.call == new.call;
        return if is_same { Fit::default() } else { Fit::breaks(MISREAD) };
    }
    let is_bare = |ty: &Type| ty.bare || !ty.name.is_boxed();
    if let (Some(old_item), Some(new_item)) = (&old.argument, &new.argument) {
        if is_bare(old) != is_bare(new) {
            return Fit::breaks(MISREAD);
        }
        return fit(comparison, (old_line, old_item), (new_line, new_item));
    }
    let is_built_in = |ty: &Type| BUILT_IN_VALUES.iter().any(|(name, _)| ty.name.is(name));
    if old.argument.is_some() || new.argument.is_some() || is_built_in(old) || is_built_in(new) {
        return built_in(old, new);
    }
    let ids = |constructors: &[&Definition]| -> BTreeSet<u32> {
        constructors.iter().map(|constructor| constructor.id()).collect()
    };
    let (old_ids, new_ids) =
        (ids(comparison.old.constructors(old)), ids(comparison.new.constructors(new)));
    let is_same_type =
        old.name == new.name || comparison.renamed.get(&old.name) == Some(&&new.name);
    if is_bare(old) != is_bare(new) {
        return Fit::breaks(MISREAD);
    }
    if is_bare(old) {
        return if old_ids == new_ids { Fit::default() } else { Fit::breaks(MISREAD) };
    }
    if is_same_type {
        return Fit::default();
    }
    Fit {
        sent: (!old_ids.is_subset(&new_ids))
            .then_some("the server cannot read every constructor that old clients may send here"),
        received: (!new_ids.is_subset(&old_ids))
            .then_some("old clients cannot read every constructor that may come here"),
        json: None,
    }
}

fn built_in(old: &Type, new: &Type) -> Fit {
    const JSON: Option<&str> = Some("the bytes are the same, but JSON has text or base64");
    const UTF8: Option<&str> = Some("the reader takes text only, and not all bytes are one");
    if old.name == new.name && old.argument.is_none() && new.argument.is_none() {
        return Fit::default();
    }
    match (old.name.is("bytes"), new.name.is("bytes")) {
        (true, false) if new.name.is("string") => Fit { sent: UTF8, received: None, json: JSON },
        (false, true) if old.name.is("string") => Fit { sent: None, received: UTF8, json: JSON },
        _ => Fit::breaks(MISREAD),
    }
}

/// All differences between the fields of two lines with the same id.
pub(super) fn compare(
    comparison: &Comparison<'_>,
    old: &Definition,
    new: &Definition,
    ways: Ways,
) -> Vec<Change> {
    let mut pair = Pair { comparison, old, new, ways, changes: Vec::new() };
    pair.layout();
    pair.flags();
    pair.changes
}

struct Pair<'a> {
    comparison: &'a Comparison<'a>,
    old: &'a Definition,
    new: &'a Definition,
    ways: Ways,
    changes: Vec<Change>,
}

/// The index of the word, and the bit.
type Bit = (Option<usize>, u32);

impl<'a> Pair<'a> {
    /// Notes a change that breaks what goes one of the `broken` ways.
    fn add(&mut self, what: &str, broken: Ways, why: &str, else_why: &str) {
        let is_broken = self.ways.sent && broken.sent || self.ways.received && broken.received;
        let (effect, why) = match (is_broken, self.ways.any()) {
            (true, _) => (Effect::Breaks, why),
            (false, true) => (Effect::Safe, else_why),
            (false, false) => (Effect::Safe, super::UNUSED),
        };
        self.push(effect, what, why);
    }

    fn push(&mut self, effect: Effect, what: &str, why: &str) {
        let what = format!("{}: {what}", subject(self.new));
        self.changes.push(Change { what, effect, why: String::from(why) });
    }

    fn other_name(&mut self, what: &str) {
        if self.ways.any() {
            self.push(Effect::BreaksJson, what, SAME_BYTES);
        } else {
            self.push(Effect::Safe, what, super::UNUSED);
        }
    }

    /// The fields that take room on the wire.
    fn layout(&mut self) {
        let (old_line, new_line) = (self.old, self.new);
        let with_room = |of: &'a Definition| of.fields.iter().filter(|field| !field.ty.is_flag());
        let is_in = |of: &'a Definition, field: &Field| with_room(of).any(|f| f.name == field.name);
        let (mut olds, mut news) = (with_room(old_line).peekable(), with_room(new_line).peekable());
        loop {
            match (olds.peek().copied(), news.peek().copied()) {
                (None, None) => return,
                (Some(old), Some(new)) if old.name == new.name => self.same_name(old, new),
                (Some(old), Some(new))
                    if !is_in(new_line, old)
                        && !is_in(old_line, new)
                        && self.has_same_room(old, new) =>
                {
                    self.renamed(old, new);
                }
                (Some(old), _) if !is_in(new_line, old) => {
                    self.removed(old);
                    olds.next();
                    continue;
                }
                (_, Some(new)) if !is_in(old_line, new) => {
                    self.added(new);
                    news.next();
                    continue;
                }
                _ => {
                    let why = "the same bytes are read in another order; it needs a new id";
                    return self.add("the order of the fields differs", EITHER, why, "");
                }
            }
            olds.next();
            news.next();
        }
    }

    fn bit(of: &Definition, field: &Field) -> Option<Bit> {
        match &field.ty {
            FieldType::Conditional { word, bit, .. } => Some((word_index(of, word), *bit)),
            FieldType::Word | FieldType::Plain(_) => None,
        }
    }

    fn is_bit_used(of: &Definition, bit: Bit) -> bool {
        of.fields.iter().any(|field| Self::bit(of, field) == Some(bit))
    }

    fn has_same_room(&self, old: &Field, new: &Field) -> bool {
        Self::bit(self.old, old) == Self::bit(self.new, new)
            && match (old.ty.value(), new.ty.value()) {
                (None, None) => true,
                (Some(from), Some(to)) => {
                    let fit = fit(self.comparison, (self.old, from), (self.new, to));
                    fit.sent.is_none() && fit.received.is_none()
                }
                _ => false,
            }
    }

    fn same_name(&mut self, old: &Field, new: &Field) {
        let what = format!("field `{old}` is now `{new}`");
        match (old.ty.value(), new.ty.value()) {
            (None, None) => {}
            (Some(from), Some(to)) if Self::bit(self.old, old) == Self::bit(self.new, new) => {
                let fit = fit(self.comparison, (self.old, from), (self.new, to));
                if let Some((effect, why)) = fit.judge(self.ways) {
                    self.push(effect, &what, why);
                }
            }
            _ => {
                let why = "the bytes tell otherwise whether the field is there; it needs a new id";
                self.add(&what, EITHER, why, "");
            }
        }
    }

    fn renamed(&mut self, old: &Field, new: &Field) {
        // No form of a value names its flag words.
        if old.ty != FieldType::Word {
            let what = format!("field `{}` is now called `{}`", old.name, new.name);
            self.other_name(&what);
        }
    }

    fn added(&mut self, new: &Field) {
        let what = format!("field `{new}` added under the same id");
        let Some(bit) = Self::bit(self.new, new) else {
            return self.add(
                &what,
                EITHER,
                "the side without it misreads the rest; it needs a new id",
                "",
            );
        };
        let sent = Self::is_bit_used(self.old, bit);
        let why = if sent && self.ways.sent {
            "the bit had another meaning; take one that was never used"
        } else {
            "old clients misread what follows when the bit is set; it needs a new id"
        };
        let broken = Ways { sent, received: true };
        self.add(&what, broken, why, "old clients only send this, without the bit");
    }

    fn removed(&mut self, old: &Field) {
        let what = format!("field `{old}` removed under the same id");
        let Some(bit) = Self::bit(self.old, old) else {
            return self.add(
                &what,
                EITHER,
                "the side with it misreads the rest; it needs a new id",
                "",
            );
        };
        let received = Self::is_bit_used(self.new, bit);
        let why = if received && self.ways.received {
            "the bit has another meaning now; take one that was never used"
        } else {
            "the server misreads what follows when old clients set the bit; it needs a new id"
        };
        let broken = Ways { sent: true, received };
        self.add(&what, broken, why, "old clients only receive this, without the bit");
    }

    /// The fields that are a bit and nothing more.
    fn flags(&mut self) {
        let flags = |of: &'a Definition| of.fields.iter().filter(|field| field.ty.is_flag());
        let named = |of: &'a Definition, name: &str| flags(of).find(|field| field.name == name);
        let on_bit = |of: &'a Definition, other: &Definition, bit: Option<Bit>| {
            flags(of).find(|f| Self::bit(of, f) == bit && named_flag(other, &f.name).is_none())
        };
        let (old_line, new_line) = (self.old, self.new);
        for old in flags(old_line) {
            let bit = Self::bit(old_line, old);
            if let Some(new) = named(new_line, &old.name) {
                if Self::bit(new_line, new) != bit {
                    let what = format!("flag `{old}` is now `{new}`");
                    self.add(&what, EITHER, "each side takes the bit for another one", "");
                }
            } else if let Some(new) = on_bit(new_line, old_line, bit) {
                let what = format!("flag `{}` is now called `{}`", old.name, new.name);
                self.other_name(&what);
            } else {
                let what = format!("flag `{old}` removed");
                if self.ways.sent {
                    let why = "the server ignores the bit, but a JSON reader refuses the member";
                    self.push(Effect::BreaksJson, &what, why);
                } else {
                    self.push(Effect::Safe, &what, "to old clients it is never set");
                }
            }
        }
        for new in flags(new_line) {
            let bit = Self::bit(new_line, new);
            if named(old_line, &new.name).is_none() && on_bit(old_line, new_line, bit).is_none() {
                let what = format!("flag `{new}` added");
                if self.ways.received {
                    let why = "old clients ignore the bit, but a JSON reader refuses the member";
                    self.push(Effect::BreaksJson, &what, why);
                } else {
                    self.push(Effect::Safe, &what, "old clients do not set it");
                }
            }
        }
    }
}

fn named_flag<'a>(of: &'a Definition, name: &str) -> Option<&'a Field> {
    of.fields.iter().find(|field| field.ty.is_flag() && field.name == name)
}
