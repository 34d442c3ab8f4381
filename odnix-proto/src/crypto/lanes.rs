//! Between the numbers of this crate and the lanes of `odnix-kernels`.

use core::array;
use odnix_kernels::LANES;
use zeroize::Zeroizing;

/// Words of a number of 2048 bits, the least first.
pub(super) type Wide = [u64; 32];

/// One item for each lane: those that are left over repeat the first. `None` without any.
pub(super) fn in_lanes<T>(items: &[T]) -> Option<[&T; LANES]> {
    let first = items.first()?;
    Some(array::from_fn(|lane| items.get(lane).unwrap_or(first)))
}

/// A big-endian number; what the words cannot hold is left out.
pub(super) fn to_words<const WORDS: usize>(bytes: &[u8]) -> Zeroizing<[u64; WORDS]> {
    let mut words = Zeroizing::new([0; WORDS]);
    for (word, bytes) in words.iter_mut().zip(bytes.rchunks(8)) {
        *word = bytes.iter().fold(0, |word, byte| word << 8 | u64::from(*byte));
    }
    words
}

/// The reverse, for bytes that are as long.
pub(super) fn write_words(words: &[u64], bytes: &mut [u8]) {
    for (bytes, word) in bytes.rchunks_exact_mut(8).zip(words) {
        bytes.copy_from_slice(&word.to_be_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_bytes_are_the_same_number() {
        let bytes: [u8; 24] = array::from_fn(|i| i as u8 + 1);
        let words = to_words::<3>(&bytes);
        assert_eq!(words[0], 0x1112_1314_1516_1718);
        assert_eq!(words[2], 0x0102_0304_0506_0708);
        let mut back = [0; 24];
        write_words(&*words, &mut back);
        assert_eq!(back, bytes);
        assert_eq!(*to_words::<2>(&[1, 2]), [0x0102, 0]);
    }

    #[test]
    fn lanes_that_are_left_over_repeat_the_first() {
        assert_eq!(in_lanes(&[7, 8, 9]), Some([&7, &8, &9, &7, &7, &7, &7, &7]));
        assert_eq!(in_lanes::<u8>(&[]), None);
    }
}
