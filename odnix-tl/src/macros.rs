//! What a line of a schema becomes beside its struct: the code that all generated types share.

/// The codec of one constructor or function, and its JSON form.
///
/// `Name = "tlName" 0xid, min_len -> Return` is followed by the fields in parentheses; if one of
/// them needs a marker (see [`fields`](crate::fields)), then by all fields in braces and by the
/// tuple. `@redact` in front keeps the fields out of `Debug`. The static `SCHEMA` must be in scope.
#[macro_export]
macro_rules! tl_struct {
    ($(@$redact:ident)? $type:ident = $name:literal $id:literal, $min_len:literal $(-> $return:ty)? ;
        ($($field:ident),* $(,)?)
    ) => {
        $crate::tl_struct! { $(@$redact)? $type = $name $id, $min_len $(-> $return)? ;
            {$($field),*} ($($field,)*)
        }
    };
    ($(@$redact:ident)? $type:ident = $name:literal $id:literal, $min_len:literal $(-> $return:ty)? ;
        {$($field:ident),* $(,)?} $parts:tt
    ) => {
        impl $crate::Constructor for $type {
            const ID: u32 = $id;
            const NAME: &'static str = $name;
            const MIN_LEN_BARE: usize = $min_len;

            #[inline]
            fn encode_bare(&self, writer: &mut $crate::Writer) {
                let Self { $($field),* } = self;
                writer.fields($parts);
            }

            #[inline]
            fn decode_bare(
                reader: &mut $crate::Reader,
            ) -> ::core::result::Result<Self, $crate::DecodeError> {
                // Half the work of `?` for the compiler, which sees thousands of these.
                match reader.fields() {
                    ::core::result::Result::Ok($parts) => {
                        ::core::result::Result::Ok(Self { $($field),* })
                    }
                    ::core::result::Result::Err(error) => ::core::result::Result::Err(error),
                }
            }
        }

        $(impl $crate::Function for $type {
            type Return = $return;
        })?

        $($crate::tl_struct! { @debug $redact $type })?

        $crate::__tl_serde! {
            $type, $crate::dynamic::Expected::Line($crate::tl_struct!(@kind $($return)?), $name)
        }
    };
    (@kind) => { $crate::schema::Kind::Constructor };
    (@kind $return:ty) => { $crate::schema::Kind::Function };
    (@debug redact $type:ident) => {
        impl ::core::fmt::Debug for $type {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                f.debug_struct(stringify!($type)).finish_non_exhaustive()
            }
        }
    };
}

/// One type with several constructors: an enum, its codec, and its JSON form.
///
/// `Name = "TlName", min_len` is followed by the variants: `Name(Struct)`, `Name[Struct]` if it
/// holds the struct on the heap, or `Name = Struct` if the struct has no fields. The static
/// `SCHEMA` must be in scope.
#[macro_export]
macro_rules! tl_enum {
    (
        $(#[$meta:meta])*
        pub enum $type:ident = $name:literal, $min_len:literal {$(
            $(#[$variant_meta:meta])*
            $variant:ident $(($payload:ty))? $([$boxed:ty])? $(= $unit:path)?,
        )*}
    ) => {
        $(#[$meta])*
        #[allow(clippy::enum_variant_names, reason = "the schema names the variants")]
        #[derive(Clone, Debug, PartialEq)]
        pub enum $type {$(
            $(#[$variant_meta])*
            $variant $(($payload))? $(($crate::prelude::Box<$boxed>))?,
        )*}

        impl $type {
            /// The constructor id of this value.
            #[inline]
            pub const fn constructor_id(&self) -> u32 {
                match self {$(
                    Self::$variant { .. } => $crate::tl_enum!(@const ID $($payload)? $($boxed)? $($unit)?),
                )*}
            }

            /// The constructor name of this value in the schema.
            #[inline]
            pub const fn constructor_name(&self) -> &'static str {
                match self {$(
                    Self::$variant { .. } => $crate::tl_enum!(@const NAME $($payload)? $($boxed)? $($unit)?),
                )*}
            }
        }

        impl $crate::Encode for $type {
            #[inline]
            fn encode(&self, writer: &mut $crate::Writer) {
                match self {
                    $($(Self::$variant(value) => <$payload as $crate::Encode>::encode(value, writer),)?)*
                    $($(Self::$variant(value) => <$boxed as $crate::Encode>::encode(value, writer),)?)*
                    $($(Self::$variant => $crate::Encode::encode(&$unit, writer),)?)*
                }
            }
        }

        impl $crate::Decode for $type {
            const MIN_LEN: usize = $min_len;

            #[inline]
            fn decode(
                reader: &mut $crate::Reader,
            ) -> ::core::result::Result<Self, $crate::DecodeError> {
                let position = reader.position();
                match reader.u32()? {
                    $($(<$payload as $crate::Constructor>::ID => {
                        <$payload as $crate::Constructor>::decode_bare(reader).map(Self::$variant)
                    })?)*
                    $($(<$boxed as $crate::Constructor>::ID => {
                        reader.on_heap(<$boxed as $crate::Constructor>::decode_bare).map(Self::$variant)
                    })?)*
                    $($(<$unit as $crate::Constructor>::ID => reader.unit(Self::$variant),)?)*
                    id => reader.unknown_constructor(position, id, $name),
                }
            }
        }

        $($(impl ::core::convert::From<$payload> for $type {
            #[inline]
            fn from(value: $payload) -> Self {
                Self::$variant(value)
            }
        })?)*

        $($(impl ::core::convert::From<$boxed> for $type {
            #[inline]
            fn from(value: $boxed) -> Self {
                Self::$variant($crate::prelude::Box::new(value))
            }
        })?)*

        $crate::__tl_serde! { $type, $crate::dynamic::Expected::Named($name) }
    };

    (@const $name:ident $constructor:ty) => { <$constructor as $crate::Constructor>::$name };
}

/// Everything that a schema defines of one kind: an enum like that of [`tl_enum!`], of which each
/// variant holds its struct, and may be there only with a cargo feature.
#[macro_export]
macro_rules! tl_any {
    (
        $(#[$meta:meta])*
        pub enum $type:ident = $name:literal, $expected:ident, $min_len:literal {$(
            $(#[doc = $docs:literal])*
            $(#[cfg($($cfg:tt)*)])?
            $variant:ident($payload:ty),
        )*}
    ) => {
        $(#[$meta])*
        #[allow(
            clippy::large_enum_variant,
            reason = "the schema names the variants and says what they hold"
        )]
        #[derive(Clone, Debug, PartialEq)]
        pub enum $type {$(
            $(#[doc = $docs])*
            $(#[cfg($($cfg)*)])?
            $variant($payload),
        )*}

        impl $type {
            /// The constructor id of this value.
            #[inline]
            pub const fn constructor_id(&self) -> u32 {
                match *self {$(
                    $(#[cfg($($cfg)*)])?
                    Self::$variant(_) => <$payload as $crate::Constructor>::ID,
                )*}
            }

            /// The constructor name of this value in the schema.
            #[inline]
            pub const fn constructor_name(&self) -> &'static str {
                match *self {$(
                    $(#[cfg($($cfg)*)])?
                    Self::$variant(_) => <$payload as $crate::Constructor>::NAME,
                )*}
            }
        }

        impl $crate::Encode for $type {
            #[inline]
            fn encode(&self, _writer: &mut $crate::Writer) {
                // Without `*` it could not be a `match` without arms.
                match *self {$(
                    $(#[cfg($($cfg)*)])?
                    Self::$variant(ref value) => {
                        <$payload as $crate::Encode>::encode(value, _writer)
                    }
                )*}
            }
        }

        impl $crate::Decode for $type {
            const MIN_LEN: usize = $min_len;

            #[inline]
            fn decode(
                reader: &mut $crate::Reader,
            ) -> ::core::result::Result<Self, $crate::DecodeError> {
                let position = reader.position();
                match reader.u32()? {
                    $(
                        $(#[cfg($($cfg)*)])?
                        <$payload as $crate::Constructor>::ID => {
                            <$payload as $crate::Constructor>::decode_bare(reader).map(Self::$variant)
                        }
                    )*
                    id => reader.unknown_constructor(position, id, $name),
                }
            }
        }

        $crate::__tl_serde! { $type, $crate::dynamic::Expected::$expected }
    };
}

/// The JSON form of one type: that of its bytes, by the schema of its module.
#[cfg(feature = "serde")]
#[doc(hidden)]
#[macro_export]
macro_rules! __tl_serde {
    ($type:ident, $expected:expr) => {
        impl $crate::serde::Serialize for $type {
            #[inline]
            fn serialize<S: $crate::serde::Serializer>(
                &self,
                serializer: S,
            ) -> ::core::result::Result<S::Ok, S::Error> {
                SCHEMA.serialize($expected, self, serializer)
            }
        }

        impl<'de> $crate::serde::Deserialize<'de> for $type {
            #[inline]
            fn deserialize<D: $crate::serde::Deserializer<'de>>(
                deserializer: D,
            ) -> ::core::result::Result<Self, D::Error> {
                SCHEMA.deserialize($expected, deserializer)
            }
        }
    };
}

/// Without the feature `serde` there is no JSON form.
#[cfg(not(feature = "serde"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __tl_serde {
    ($($tokens:tt)*) => {};
}
