//! Every form that a line can have, from `everything.tl`.

// Generated; see `odnix_tl::schema`.

/// The number of this layer.
pub const LAYER: i32 = 7;

/// All constructors.
pub mod types {
    use super::{enums, types};
    use odnix_tl::prelude::{Box, Bytes, Raw, String, Vec};
    use odnix_tl::tl_struct;
    use odnix_tl::wire::{Bare, BareVectorOf, Boxed, VectorOf};

    tl_struct! {
        /// Every form a field can have; \[brackets\] and \<angles\> stay text
        ///
        /// A second line
        ///
        /// `everything#828b94f5 flags:# self:flags.0?true a:int b:long c:double d:int128 e:int256 f:string g:bytes h:Bool flags2:# type:flags2.0?string randomID:flags2.31?long flag:flags2.3?Bool point:flags.1?%Point points:Vector<%Point> bare_points:vector<point> boxed:vector<Point> nested:Vector<Vector<int>> maybe:flags2.1?vector<%Point> blobs:Vector<bytes> shape:shape.Shape reader:int writer:flags.2?shape.Shape tail:flags.30?Object = Everything;`
        pub struct Everything = "everything" 0x828b94f5 {
            [flags]
            /// a keyword of Rust
            self_ "self": bool = flags.0,
            /// `a:int`
            a: i32,
            /// `b:long`
            b: i64,
            /// `c:double`
            c: f64,
            /// `d:int128`
            d: [u8; 16],
            /// `e:int256`
            e: [u8; 32],
            /// `f:string`
            f: String,
            /// `g:bytes`
            g: Bytes,
            /// `h:Bool`
            h: bool,
            [flags2]
            /// `type:flags2.0?string`
            type_ "type": Option<String> = flags2.0,
            /// `randomID:flags2.31?long`
            random_id "randomID": Option<i64> = flags2.31,
            /// `flag:flags2.3?Bool`
            flag: Option<bool> = flags2.3,
            /// `point:flags.1?%Point`
            point: Option<types::Point> as Bare = flags.1,
            /// `points:Vector<%Point>`
            points: Vec<types::Point> as VectorOf<Bare>,
            /// `bare_points:vector<point>`
            bare_points: Vec<types::Point> as BareVectorOf<Bare>,
            /// `boxed:vector<Point>`
            boxed: Vec<types::Point> as BareVectorOf<Boxed>,
            /// `nested:Vector<Vector<int>>`
            nested: Vec<Vec<i32>>,
            /// `maybe:flags2.1?vector<%Point>`
            maybe: Option<Vec<types::Point>> as BareVectorOf<Bare> = flags2.1,
            /// `blobs:Vector<bytes>`
            blobs: Vec<Bytes>,
            /// `shape:shape.Shape`
            shape: enums::shape::Shape,
            /// `reader:int`
            reader: i32,
            /// `writer:flags.2?shape.Shape`
            writer: Option<enums::shape::Shape> = flags.2,
            /// `tail:flags.30?Object`
            tail: Option<Raw> = flags.30,
        }
    }

    tl_struct! {
        /// `point#e3fe70f4 x:int y:int = Point;`
        pub struct Point = "point" 0xe3fe70f4 {
            /// `x:int`
            x: i32,
            /// `y:int`
            y: i32,
        }
    }

    tl_struct! {
        /// `otherShape#30123bb3 = shape.Shape;`
        pub struct OtherShape = "otherShape" 0x30123bb3;
    }

    tl_struct! {
        /// `wrapper#76b381c8 object:Object = Wrapper;`
        pub struct Wrapper = "wrapper" 0x76b381c8 {
            /// `object:Object`
            object: Raw,
        }
    }

    tl_struct! {
        /// `loop#7371a8bc flags:# inner:flags.0?Loop = Loop;`
        pub struct Loop = "loop" 0x7371a8bc {
            [flags]
            /// `inner:flags.0?Loop`
            inner: Option<Box<types::Loop>> = flags.0,
        }
    }

    tl_struct! {
        /// `chainLink#540ad721 next:Chain = Chain;`
        pub struct ChainLink = "chainLink" 0x540ad721 {
            /// `next:Chain`
            next: Box<enums::Chain>,
        }
    }

    tl_struct! {
        /// `chainEnd#c063c85c = Chain;`
        pub struct ChainEnd = "chainEnd" 0xc063c85c;
    }

    tl_struct! {
        /// `mutualA#88d131cc b:MutualB = MutualA;`
        pub struct MutualA = "mutualA" 0x88d131cc {
            /// `b:MutualB`
            b: Box<types::MutualB>,
        }
    }

    tl_struct! {
        /// `mutualB#be2e349f flags:# a:flags.0?MutualA = MutualB;`
        pub struct MutualB = "mutualB" 0xbe2e349f {
            [flags]
            /// `a:flags.0?MutualA`
            a: Option<Box<types::MutualA>> = flags.0,
        }
    }

    tl_struct! {
        /// `vec#6a398865 string:string = Vec;`
        pub struct Vec_ = "vec" 0x6a398865 {
            /// `string:string`
            string: String,
        }
    }

    tl_struct! {
        /// `option#57d279dc = Option;`
        pub struct Option_ = "option" 0x57d279dc;
    }

    tl_struct! {
        /// `result#038fe818 ok:Bool err:Vec = Result;`
        pub struct Result = "result" 0x038fe818 {
            /// `ok:Bool`
            ok: bool,
            /// `err:Vec`
            err: types::Vec_,
        }
    }

    tl_struct! {
        /// `self#dbffda0c = Self;`
        pub struct Self_ = "self" 0xdbffda0c;
    }

    tl_struct! {
        /// `reserved#413c56c0 flags:# = Reserved;`
        pub struct Reserved = "reserved" 0x413c56c0 {
            ; [flags]
        }
    }

    tl_struct! {
        /// `reservedToo#dc3ad356 x:int flags:# more:# = Reserved;`
        pub struct ReservedToo = "reservedToo" 0xdc3ad356 {
            /// `x:int`
            x: i32,
            ; [flags] [more]
        }
    }

    tl_struct! {
        /// `late#62ec8b07 = Late;`
        pub struct Late = "late" 0x62ec8b07;
    }

    /// Those of the namespace `names`.
    pub mod names {
        use odnix_tl::tl_struct;

        tl_struct! {
            /// `names.types#f049bae4 types:int flags_:# enums:flags_.0?int = names.Types;`
            pub struct Types = "names.types" 0xf049bae4 {
                /// `types:int`
                types: i32,
                [flags_]
                /// `enums:flags_.0?int`
                enums: Option<i32> = flags_.0,
            }
        }
    }

    /// Those of the namespace `shape`.
    pub mod shape {
        use odnix_tl::tl_struct;

        tl_struct! {
            /// `shape.circle#d06ef87e radius:double = shape.Shape;`
            pub struct Circle = "shape.circle" 0xd06ef87e {
                /// `radius:double`
                radius: f64,
            }
        }

        tl_struct! {
            /// `shape.none#00000005 = shape.Shape;`
            pub struct None = "shape.none" 0x00000005;
        }
    }
}

/// All types with more than one constructor.
pub mod enums {
    use super::types;
    use odnix_tl::tl_enum;

    tl_enum! {
        /// `Chain`
        pub enum Chain = "Chain" {
            /// `chainLink`
            ChainLink(types::ChainLink),
            /// `chainEnd`
            ChainEnd = types::ChainEnd,
        }
    }
    tl_enum! {
        /// `Reserved`
        pub enum Reserved = "Reserved" {
            /// `reserved`
            Reserved(types::Reserved),
            /// `reservedToo`
            ReservedToo(types::ReservedToo),
        }
    }

    /// Those of the namespace `shape`.
    pub mod shape {
        use super::super::types;
        use odnix_tl::tl_enum;

        tl_enum! {
            /// `shape.Shape`
            pub enum Shape = "shape.Shape" {
                /// `shape.circle`
                Circle(types::shape::Circle),
                /// `shape.none`
                None = types::shape::None,
                /// `otherShape`
                OtherShape = types::OtherShape,
            }
        }
    }
}

/// All functions.
pub mod functions {
    use odnix_tl::tl_struct;

    tl_struct! {
        /// `other#373646be = Bool;`
        pub struct Other = "other" 0x373646be -> bool;
    }

    /// Those of the namespace `match`.
    pub mod match_ {
        use super::super::enums;
        use odnix_tl::prelude::{Raw, Vec};
        use odnix_tl::tl_struct;

        tl_struct! {
            /// `match.loop#e1fd13bc {X:Type} id:Vector<long> query:!X = X;`
            pub struct Loop = "match.loop" 0xe1fd13bc -> Raw {
                /// `id:Vector<long>`
                id: Vec<i64>,
                /// `query:!X`
                query: Raw,
            }
        }

        tl_struct! {
            /// `match.first#e65640ce = Vector<Vector<int>>;`
            pub struct First = "match.first" 0xe65640ce -> Vec<Vec<i32>>;
        }

        tl_struct! {
            /// `match.second#677617ae = shape.Shape;`
            pub struct Second = "match.second" 0x677617ae -> enums::shape::Shape;
        }
    }
}

odnix_tl::tl_enum! {
    /// A value of any type.
    pub enum Object = "Object" {
        /// `everything`
        Everything(types::Everything),
        /// `point`
        Point(types::Point),
        /// `shape.circle`
        ShapeCircle(types::shape::Circle),
        /// `shape.none`
        ShapeNone(types::shape::None),
        /// `otherShape`
        OtherShape(types::OtherShape),
        /// `wrapper`
        Wrapper(types::Wrapper),
        /// `loop`
        Loop(types::Loop),
        /// `chainLink`
        ChainLink(types::ChainLink),
        /// `chainEnd`
        ChainEnd(types::ChainEnd),
        /// `mutualA`
        MutualA(types::MutualA),
        /// `mutualB`
        MutualB(types::MutualB),
        /// `vec`
        Vec_(types::Vec_),
        /// `option`
        Option_(types::Option_),
        /// `result`
        Result(types::Result),
        /// `self`
        Self_(types::Self_),
        /// `reserved`
        Reserved(types::Reserved),
        /// `reservedToo`
        ReservedToo(types::ReservedToo),
        /// `late`
        Late(types::Late),
        /// `names.types`
        NamesTypes(types::names::Types),
    }
}

odnix_tl::tl_enum! {
    /// A call of any function.
    pub enum Request = "Request" {
        /// `match.loop`
        MatchLoop(functions::match_::Loop),
        /// `match.first`
        MatchFirst(functions::match_::First),
        /// `match.second`
        MatchSecond(functions::match_::Second),
        /// `other`
        Other(functions::Other),
    }
}
