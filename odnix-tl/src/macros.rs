//! What a line of a schema becomes: the code that all generated types share.

/// One constructor or function: a struct, its codec, and its JSON form.
///
/// Each field is `name: Type`, followed by `as Form` if its form on the wire is not
/// [`Boxed`](crate::wire::Boxed), and by `= flags.N` if it is conditional. `[flags]` in front
/// of a field, or at the end after `;`, stands for a `#`. A string behind the name is the
/// name in the schema where that differs. `@redact` keeps the fields out of `Debug`.
#[macro_export]
macro_rules! tl_struct {
    // A constructor without fields is a unit struct.
    (
        $(#[$meta:meta])*
        $(@$redact:ident)? pub struct $type:ident = $name:literal $id:literal $(-> $return:ty)? ;
    ) => {
        $(#[$meta])*
        #[derive(Clone, PartialEq)]
        pub struct $type;

        $crate::tl_struct! { @debug $type ($($redact)?) }

        $crate::tl_struct! { @codec $type $name $id (0_usize) ($(-> $return)?)
            fn encode_bare(self, _writer) {}
            fn decode_bare(_reader) { ::core::result::Result::Ok(Self) }
        }

        $crate::__tl_json! { @struct $type {} }
    };
    (
        $(#[$meta:meta])*
        $(@$redact:ident)? pub struct $type:ident = $name:literal $id:literal $(-> $return:ty)? {$(
            $([$word:ident])*
            $(#[$field_meta:meta])*
            $field:ident $($tl_name:literal)? :
                $field_type:ty $(as $form:ty)? $(= $flags:ident . $bit:literal)?,
        )* $(; $([$tail:ident])*)?}
    ) => {
        $(#[$meta])*
        #[derive(Clone, PartialEq)]
        pub struct $type {$(
            $(#[$field_meta])*
            pub $field: $field_type,
        )*}

        $crate::tl_struct! { @debug $type ($($redact)?) $($field)* }

        $crate::tl_struct! { @codec $type $name $id (
                0_usize
                $($(+ $crate::tl_struct!(@word_len $word))*
                + $crate::tl_struct!(@min_len $field_type, ($($form)?) $($flags)?))*
                $($(+ $crate::tl_struct!(@word_len $tail))*)?
            ) ($(-> $return)?)
            fn encode_bare(self, writer) {
                $(
                    $(let $word = writer.flags();)*
                    $crate::tl_struct!(
                        @put self.$field, writer, ($($form)?) $($flags . $bit)?
                    );
                )*
                $($($crate::tl_struct!(@word_put $tail, writer);)*)?
            }
            fn decode_bare(reader) {
                $(
                    $(let $word = reader.u32()?;)*
                    let $field = $crate::tl_struct!(
                        @get reader, ($($form)?) $($flags . $bit)?
                    );
                )*
                $($($crate::tl_struct!(@word_get $tail, reader);)*)?
                ::core::result::Result::Ok(Self { $($field),* })
            }
        }

        $crate::__tl_json! { @struct $type {$(
            $field ($crate::tl_struct!(@name $field $($tl_name)?)) $($flags)?,
        )*} }
    };

    (@codec $type:ident $name:literal $id:literal ($min_len:expr) ($(-> $return:ty)?)
        fn encode_bare($self:ident, $writer:ident) $encode:block
        fn decode_bare($reader:ident) $decode:block
    ) => {
        #[allow(unused_variables)] // a `#` may have no conditional fields
        impl $crate::Constructor for $type {
            const ID: u32 = $id;
            const NAME: &'static str = $name;
            const MIN_LEN_BARE: usize = $min_len;

            fn encode_bare(&$self, $writer: &mut $crate::Writer) {
                $writer.nested(|$writer| $encode);
            }

            fn decode_bare($reader: &mut $crate::Reader) -> ::core::result::Result<Self, $crate::DecodeError> {
                $reader.nested(|$reader| $decode)
            }
        }

        impl $crate::Encode for $type {
            fn encode(&self, writer: &mut $crate::Writer) {
                writer.put_u32(<Self as $crate::Constructor>::ID);
                $crate::Constructor::encode_bare(self, writer);
            }
        }

        impl $crate::Decode for $type {
            const MIN_LEN: usize = 4 + <Self as $crate::Constructor>::MIN_LEN_BARE;

            fn decode(reader: &mut $crate::Reader) -> ::core::result::Result<Self, $crate::DecodeError> {
                reader.expect_id($id, $name)?;
                $crate::Constructor::decode_bare(reader)
            }
        }

        $(impl $crate::Function for $type {
            type Return = $return;
        })?
    };

    (@debug $type:ident () $($field:ident)*) => {
        impl ::core::fmt::Debug for $type {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                f.debug_struct(stringify!($type))
                    $(.field(stringify!($field), &self.$field))*
                    .finish()
            }
        }
    };
    (@debug $type:ident (redact) $($field:ident)*) => {
        impl ::core::fmt::Debug for $type {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                f.debug_struct(stringify!($type)).finish_non_exhaustive()
            }
        }
    };

    (@form) => { $crate::wire::Boxed };
    (@form $form:ty) => { $form };
    (@name $field:ident) => { stringify!($field) };
    (@name $field:ident $tl_name:literal) => { $tl_name };
    (@word_len $word:ident) => { 4_usize };
    (@word_put $word:ident, $writer:ident) => { $writer.put_u32(0) };
    (@word_get $word:ident, $reader:ident) => { $reader.u32()? };
    (@min_len $type:ty, ($($form:ty)?)) => {
        <$crate::tl_struct!(@form $($form)?) as $crate::wire::Wire<$type>>::MIN_LEN
    };
    (@min_len $type:ty, ($($form:ty)?) $flags:ident) => { 0_usize };
    (@put $value:expr, $writer:ident, ($($form:ty)?)) => {
        <$crate::tl_struct!(@form $($form)?) as $crate::wire::Wire<_>>::put(&$value, $writer)
    };
    (@put $value:expr, $writer:ident, ($($form:ty)?) $flags:ident . $bit:literal) => {
        <$crate::tl_struct!(@form $($form)?) as $crate::wire::Flagged<_>>::put_flagged(
            &$value, $writer, $flags, $bit,
        )
    };
    (@get $reader:ident, ($($form:ty)?)) => {
        <$crate::tl_struct!(@form $($form)?) as $crate::wire::Wire<_>>::get($reader)?
    };
    (@get $reader:ident, ($($form:ty)?) $flags:ident . $bit:literal) => {
        <$crate::tl_struct!(@form $($form)?) as $crate::wire::Flagged<_>>::get_flagged(
            $reader, $flags, $bit,
        )?
    };
}

/// One type with several constructors: an enum, its codec, and its JSON form.
///
/// A variant is `Name(Struct)`, or `Name = Struct` if the struct has no fields.
#[macro_export]
macro_rules! tl_enum {
    (
        $(#[$meta:meta])*
        pub enum $type:ident = $name:literal {$(
            $(#[$variant_meta:meta])*
            $variant:ident $(($payload:ty))? $(= $unit:path)?,
        )*}
    ) => {
        $(#[$meta])*
        #[allow(
            clippy::enum_variant_names,
            clippy::large_enum_variant,
            reason = "the schema names the variants and says what they hold"
        )]
        #[derive(Clone, Debug, PartialEq)]
        pub enum $type {$(
            $(#[$variant_meta])*
            $variant $(($payload))?,
        )*}

        impl $type {
            /// The constructor id of this value.
            pub const fn constructor_id(&self) -> u32 {
                match self {$(
                    Self::$variant { .. } => $crate::tl_enum!(@const ID $($payload)? $($unit)?),
                )*}
            }

            /// The constructor name of this value in the schema.
            pub const fn constructor_name(&self) -> &'static str {
                match self {$(
                    Self::$variant { .. } => $crate::tl_enum!(@const NAME $($payload)? $($unit)?),
                )*}
            }
        }

        impl $crate::Encode for $type {
            fn encode(&self, writer: &mut $crate::Writer) {
                match self {
                    $($(Self::$variant(value) => <$payload as $crate::Encode>::encode(value, writer),)?)*
                    $($(Self::$variant => <$unit as $crate::Encode>::encode(&$unit, writer),)?)*
                }
            }
        }

        impl $crate::Decode for $type {
            const MIN_LEN: usize = {
                let mut min_len = usize::MAX;
                $(
                    let len = $crate::tl_enum!(@const MIN_LEN_BARE $($payload)? $($unit)?);
                    if len < min_len {
                        min_len = len;
                    }
                )*
                4 + min_len
            };

            fn decode(reader: &mut $crate::Reader) -> ::core::result::Result<Self, $crate::DecodeError> {
                let position = reader.position();
                match reader.u32()? {
                    $($(<$payload as $crate::Constructor>::ID => {
                        <$payload as $crate::Constructor>::decode_bare(reader).map(Self::$variant)
                    })?)*
                    $($(<$unit as $crate::Constructor>::ID => {
                        <$unit as $crate::Constructor>::decode_bare(reader).map(|_| Self::$variant)
                    })?)*
                    id => ::core::result::Result::Err($crate::DecodeError::UnknownConstructor {
                        position,
                        id,
                        expected: $name,
                    }),
                }
            }
        }

        $($(impl ::core::convert::From<$payload> for $type {
            fn from(value: $payload) -> Self {
                Self::$variant(value)
            }
        })?)*

        $crate::__tl_json! { @enum $type = $name {$($variant $(($payload))? $(= $unit)?,)*} }
    };

    (@const $name:ident $constructor:ty) => { <$constructor as $crate::Constructor>::$name };
}

/// The JSON form of one type.
#[cfg(feature = "serde")]
#[doc(hidden)]
#[macro_export]
macro_rules! __tl_json {
    (@struct $type:ident {$($field:ident ($name:expr) $($flags:ident)?,)*}) => {
        #[allow(unused_variables)] // there may be no fields
        impl $crate::json::JsonObject for $type {
            fn put_fields<M: $crate::json::SerializeMap>(
                &self,
                map: &mut M,
            ) -> ::core::result::Result<(), M::Error> {
                $($crate::__tl_json!(@put self.$field, map, $name, $($flags)?);)*
                ::core::result::Result::Ok(())
            }

            fn take_fields(
                members: &mut $crate::json::Members,
            ) -> ::core::result::Result<Self, $crate::json::JsonError> {
                ::core::result::Result::Ok(Self {
                    $($field: $crate::__tl_json!(@take members, $name, $($flags)?),)*
                })
            }
        }

        impl $crate::json::Json for $type {
            fn to_json<S: $crate::json::Serializer>(
                &self,
                serializer: S,
            ) -> ::core::result::Result<S::Ok, S::Error> {
                $crate::json::JsonObject::put_object(self, serializer)
            }

            fn from_json(
                value: $crate::json::Value,
            ) -> ::core::result::Result<Self, $crate::json::JsonError> {
                $crate::json::only(value)
            }
        }

        $crate::__tl_json! { @serde $type }
    };
    (@enum $type:ident = $name:literal {$($variant:ident $(($payload:ty))? $(= $unit:path)?,)*}) => {
        impl $crate::json::Json for $type {
            fn to_json<S: $crate::json::Serializer>(
                &self,
                serializer: S,
            ) -> ::core::result::Result<S::Ok, S::Error> {
                match self {
                    $($(Self::$variant(value) => {
                        <$payload as $crate::json::Json>::to_json(value, serializer)
                    })?)*
                    $($(Self::$variant => {
                        <$unit as $crate::json::Json>::to_json(&$unit, serializer)
                    })?)*
                }
            }

            fn from_json(
                value: $crate::json::Value,
            ) -> ::core::result::Result<Self, $crate::json::JsonError> {
                let members = $crate::json::Members::open(value)?;
                match members.name() {
                    $($(<$payload as $crate::Constructor>::NAME => {
                        members.into_object::<$payload>().map(Self::$variant)
                    })?)*
                    $($(<$unit as $crate::Constructor>::NAME => {
                        members.into_object::<$unit>().map(|_| Self::$variant)
                    })?)*
                    _ => ::core::result::Result::Err(members.unknown_name($name)),
                }
            }
        }

        $crate::__tl_json! { @serde $type }
    };

    (@serde $type:ident) => {
        impl $crate::json::Serialize for $type {
            fn serialize<S: $crate::json::Serializer>(
                &self,
                serializer: S,
            ) -> ::core::result::Result<S::Ok, S::Error> {
                $crate::json::Json::to_json(self, serializer)
            }
        }

        impl<'de> $crate::json::Deserialize<'de> for $type {
            fn deserialize<D: $crate::json::Deserializer<'de>>(
                deserializer: D,
            ) -> ::core::result::Result<Self, D::Error> {
                $crate::json::deserialize(deserializer)
            }
        }
    };

    (@put $value:expr, $map:ident, $name:expr, ) => {
        $map.serialize_entry($name, &$crate::json::AsJson(&$value))?
    };
    (@put $value:expr, $map:ident, $name:expr, $flags:ident) => {
        $crate::json::JsonFlagged::put_member(&$value, $map, $name)?
    };
    (@take $members:ident, $name:expr, ) => { $members.take($name)? };
    (@take $members:ident, $name:expr, $flags:ident) => {
        $crate::json::JsonFlagged::take_member($members, $name)?
    };
}

/// Without the feature `serde` there is no JSON form.
#[cfg(not(feature = "serde"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __tl_json {
    ($($tokens:tt)*) => {};
}
