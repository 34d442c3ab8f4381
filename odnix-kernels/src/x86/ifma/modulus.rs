//! What is known of a modulus before the first product.

use super::{BLOCK, Columns, LANES, LIMB_BITS, LIMB_MASK, Number, Row, multiply, reduce_wide};
use zeroize::Zeroize;

/// Words of 64 bits that hold a block of limbs and more.
const INVERSE_WORDS: usize = 9;

const _: () = assert!(BLOCK as u32 * LIMB_BITS <= INVERSE_WORDS as u32 * 64);

/// The moduli of eight lanes. Wiped on drop.
pub(crate) struct Modulus<const LIMBS: usize> {
    pub(super) modulus: Number<LIMBS>,
    /// `(n * k + 1) / 2^520`, where `k = -1/n mod 2^520`.
    pub(super) folded: Number<LIMBS>,
    /// That k.
    pub(super) inverse: [Row; BLOCK],
    /// `R mod n`, the Montgomery form of 1.
    pub(super) one: Number<LIMBS>,
    /// `R^2 mod n`
    pub(super) square: Number<LIMBS>,
    /// `R^3 mod n`
    pub(super) cube: Number<LIMBS>,
}

impl<const LIMBS: usize> Drop for Modulus<LIMBS> {
    fn drop(&mut self) {
        self.modulus.zeroize();
        self.folded.zeroize();
        self.inverse.zeroize();
        self.one.zeroize();
        self.square.zeroize();
        self.cube.zeroize();
    }
}

/// The same of one modulus. Wiped on drop.
#[derive(Clone)]
pub(crate) struct Prepared<const LIMBS: usize> {
    modulus: [u64; LIMBS],
    folded: [u64; LIMBS],
    inverse: [u64; BLOCK],
    square: [u64; LIMBS],
}

impl<const LIMBS: usize> Drop for Prepared<LIMBS> {
    fn drop(&mut self) {
        self.modulus.zeroize();
        self.folded.zeroize();
        self.inverse.zeroize();
        self.square.zeroize();
    }
}

impl<const LIMBS: usize> Prepared<LIMBS> {
    /// `None` unless the modulus is odd and its highest bit is set. In constant time otherwise.
    pub(crate) fn new(words: &[u64]) -> Option<Self> {
        let (lowest, highest) = (words.first()?, words.last()?);
        if lowest & 1 == 0 || highest >> 63 == 0 {
            return None;
        }
        let mut prepared = Self {
            modulus: [0; LIMBS],
            folded: [0; LIMBS],
            inverse: [0; BLOCK],
            square: [0; LIMBS],
        };
        to_limbs(words, &mut prepared.modulus);
        prepared.inverse = negative_inverse(words);
        prepared.folded = fold(&prepared.modulus, &prepared.inverse);
        prepared.square = square_of_radix(&prepared.modulus, words.len());
        Some(prepared)
    }
}

impl<const LIMBS: usize> Modulus<LIMBS> {
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub(crate) fn of(lanes: [&Prepared<LIMBS>; LANES]) -> Self {
        let mut modulus = Self {
            modulus: gather(|limb, lane| lanes[lane].modulus[limb]),
            folded: gather(|limb, lane| lanes[lane].folded[limb]),
            inverse: gather(|limb, lane| lanes[lane].inverse[limb]),
            one: [Row::ZERO; LIMBS],
            square: gather(|limb, lane| lanes[lane].square[limb]),
            cube: [Row::ZERO; LIMBS],
        };
        let mut work = Columns::new();
        let mut one = [Row::ZERO; LIMBS];
        reduce_wide(&modulus, &mut work, &modulus.square, &mut one);
        modulus.one = one;
        let mut cube = [Row::ZERO; LIMBS];
        multiply(&modulus, &mut work, &modulus.square, &modulus.square, &mut cube);
        modulus.cube = cube;
        one.zeroize();
        cube.zeroize();
        modulus
    }
}

fn gather<const LIMBS: usize>(limb: impl Fn(usize, usize) -> u64) -> [Row; LIMBS] {
    core::array::from_fn(|index| Row(core::array::from_fn(|lane| limb(index, lane))))
}

/// Cuts words of 64 bits into limbs of 52; what is beyond the words is zero.
pub(super) fn to_limbs(words: &[u64], limbs: &mut [u64]) {
    for (index, limb) in limbs.iter_mut().enumerate() {
        *limb = bits(words, index * LIMB_BITS as usize, LIMB_BITS);
    }
}

/// `count < 64` bits of a number, from bit `start` on.
pub(super) fn bits(words: &[u64], start: usize, count: u32) -> u64 {
    let (word, shift) = (start / 64, start % 64);
    let at = |index: usize| u128::from(words.get(index).copied().unwrap_or(0));
    let both = at(word) | at(word + 1) << 64;
    ((both >> shift) as u64) & ((1 << count) - 1)
}

/// The reverse of [`to_limbs`].
pub(super) fn to_words(limbs: &[u64], words: &mut [u64]) {
    for (index, word) in words.iter_mut().enumerate() {
        let (limb, shift) = (index * 64 / LIMB_BITS as usize, index * 64 % LIMB_BITS as usize);
        let at = |index: usize| u128::from(limbs.get(index).copied().unwrap_or(0));
        let three = at(limb) | at(limb + 1) << LIMB_BITS | at(limb + 2) << (2 * LIMB_BITS);
        *word = (three >> shift) as u64;
    }
}

/// `-1/n mod 2^520`. Each step of Newton's, `x = x * (2 - n * x)`, doubles the right bits, of which
/// `x = n` has three.
fn negative_inverse(words: &[u64]) -> [u64; BLOCK] {
    let mut low = [0; INVERSE_WORDS];
    low.iter_mut().zip(words).for_each(|(to, from)| *to = *from);
    let mut inverse = low;
    for _ in 0..8 {
        // `2 - y = !y + 3`
        let mut correction = multiply_words(&low, &inverse).map(|word| !word);
        add_small(&mut correction, 3);
        inverse = multiply_words(&inverse, &correction);
    }
    let mut negative = inverse.map(|word| !word);
    add_small(&mut negative, 1);
    let mut limbs = [0; BLOCK];
    to_limbs(&negative, &mut limbs);
    low.zeroize();
    inverse.zeroize();
    negative.zeroize();
    limbs
}

fn multiply_words(a: &[u64; INVERSE_WORDS], b: &[u64; INVERSE_WORDS]) -> [u64; INVERSE_WORDS] {
    let mut product = [0; INVERSE_WORDS];
    for (i, a) in a.iter().enumerate() {
        let mut carry = 0_u128;
        for (to, b) in product[i..].iter_mut().zip(b) {
            carry += u128::from(*a) * u128::from(*b) + u128::from(*to);
            *to = carry as u64;
            carry >>= 64;
        }
    }
    product
}

fn add_small(number: &mut [u64; INVERSE_WORDS], small: u64) {
    let mut carry = u128::from(small);
    for word in number {
        carry += u128::from(*word);
        *word = carry as u64;
        carry >>= 64;
    }
}

/// `(n * k + 1) / 2^520`
fn fold<const LIMBS: usize>(modulus: &[u64; LIMBS], inverse: &[u64; BLOCK]) -> [u64; LIMBS] {
    // As limbs come out at the bottom, the sums move down.
    let mut sums = [0_u64; LIMBS];
    for k in inverse {
        let mut carry = 0_u128;
        let mut moved = [0_u64; LIMBS];
        for (index, (n, sum)) in modulus.iter().zip(&sums).enumerate() {
            carry += u128::from(*n) * u128::from(*k) + u128::from(*sum);
            if let Some(below) = index.checked_sub(1) {
                moved[below] = carry as u64 & LIMB_MASK;
            }
            carry >>= LIMB_BITS;
        }
        moved[LIMBS - 1] = carry as u64;
        sums = moved;
        moved.zeroize();
    }
    // All limbs that came out are ones: the 1 carries through them.
    let mut carry = 1;
    for sum in &mut sums {
        let limb = *sum + carry;
        *sum = limb & LIMB_MASK;
        carry = limb >> LIMB_BITS;
    }
    sums
}

/// `R^2 mod n` by doubling `2^(bits of n - 1)`, which is not above n.
fn square_of_radix<const LIMBS: usize>(modulus: &[u64; LIMBS], words: usize) -> [u64; LIMBS] {
    let highest = words * 64 - 1;
    let mut number = [0; LIMBS];
    number[highest / LIMB_BITS as usize] = 1 << (highest % LIMB_BITS as usize);
    for _ in highest..2 * LIMBS * LIMB_BITS as usize {
        double(&mut number, modulus);
    }
    number
}

/// `number = 2 * number mod n`
fn double<const LIMBS: usize>(number: &mut [u64; LIMBS], modulus: &[u64; LIMBS]) {
    let mut less = [0; LIMBS];
    let (mut carry, mut borrow) = (0, 0_i64);
    for ((digit, less), n) in number.iter_mut().zip(&mut less).zip(modulus) {
        let twice = (*digit << 1 | carry) & LIMB_MASK;
        carry = *digit >> (LIMB_BITS - 1);
        *digit = twice;
        let difference = twice.cast_signed() - n.cast_signed() + borrow;
        *less = difference.cast_unsigned() & LIMB_MASK;
        borrow = difference >> LIMB_BITS;
    }
    // All ones where twice the number is below n.
    let below = core::hint::black_box(borrow.cast_unsigned());
    for (digit, less) in number.iter_mut().zip(&mut less) {
        *digit = *digit & below | *less & !below;
        *less = 0;
    }
}
