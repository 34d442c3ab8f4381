//! Values whose constructor this layer lacks, kept as they came.

use bytes::Bytes;

use crate::{Decode, DecodeError, Encode, Reader, Writer};

/// A value, or the bytes of one that holds a constructor this layer lacks, at any depth.
///
/// TL does not say how long an unknown constructor is, so the bytes kept are all that remain of
/// the input: use it for what ends an input, such as a pushed update, the answer to a call, or
/// what a relay passes on. What was read is written back byte for byte. The enum is exhaustive,
/// because a value is of this layer or it is not. It has no JSON form: an unknown value has none.
///
/// ```
/// use odnix_tl::{Bytes, Decode, Encode, OrUnknown, odnix::enums::Updates};
///
/// let newer = Bytes::from_static(&[0xef, 0xbe, 0xad, 0xde, 1, 0, 0, 0]);
/// let value = OrUnknown::<Updates>::from_bytes(newer.clone())?;
/// let OrUnknown::Unknown(unknown) = &value else { panic!("a constructor of this layer") };
/// assert_eq!(unknown.id(), Some(0xdead_beef));
/// assert_eq!(value.to_bytes()?, newer);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub enum OrUnknown<T> {
    /// A value of this layer.
    Known(T),
    /// Any other one.
    Unknown(Unknown),
}

/// The bytes of a value that holds a constructor which this layer lacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unknown {
    bytes: Bytes,
}

impl Unknown {
    /// The id of the outermost constructor, which this layer may know.
    pub fn id(&self) -> Option<u32> {
        self.bytes.first_chunk().map(|id| u32::from_le_bytes(*id))
    }

    /// The boxed form.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }
}

impl<T> OrUnknown<T> {
    /// The value, if it is of this layer.
    pub fn known(self) -> Option<T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Unknown(_) => None,
        }
    }
}

impl<T> From<T> for OrUnknown<T> {
    fn from(value: T) -> Self {
        Self::Known(value)
    }
}

impl<T: Encode> Encode for OrUnknown<T> {
    fn encode(&self, writer: &mut Writer) {
        match self {
            Self::Known(value) => value.encode(writer),
            Self::Unknown(unknown) => writer.put_raw(&unknown.bytes),
        }
    }
}

impl<T: Decode> Decode for OrUnknown<T> {
    // An unknown value may be its id and nothing else.
    const MIN_LEN: usize = 4;

    fn decode(reader: &mut Reader) -> Result<Self, DecodeError> {
        let start = reader.clone();
        match T::decode(reader) {
            Ok(value) => Ok(Self::Known(value)),
            // No layer adds to these.
            Err(error @ DecodeError::UnknownConstructor { expected: "Bool" | "Vector", .. }) => {
                Err(error)
            }
            Err(DecodeError::UnknownConstructor { .. }) => {
                *reader = start;
                Ok(Self::Unknown(Unknown { bytes: reader.rest() }))
            }
            Err(error) => Err(error),
        }
    }
}
