//! Bodies of messages as a hostile peer writes them: any service message about any message,
//! containers and packed objects within each other, noise.

use crate::input::Input;
use bytes::{BufMut, BytesMut};

const CONTAINER: u32 = 0x73f1_f8dc;
const GZIP_PACKED: u32 = 0x3072_cfa1;
const VECTOR: u32 = 0x1cb5_c415;
const DEPTH_MAX: usize = 3;

/// Constructors whose fields are numbers and ids: the name of the message is its row.
const FIXED: [(u32, &[Field]); 17] = {
    use Field::{Id, Int, Long};
    [
        (0xa7ef_f811, &[Id, Int, Int]),       // bad_msg_notification
        (0xedab_447b, &[Id, Int, Int, Long]), // bad_server_salt
        (0x9ec2_0908, &[Id, Long, Long]),     // new_session_created
        (0x3477_73c5, &[Id, Long]),           // pong
        (0x276d_3ec6, &[Id, Id, Int, Int]),   // msg_detailed_info
        (0x809d_b6df, &[Id, Int, Int]),       // msg_new_detailed_info
        (0x5e2a_d36e, &[]),                   // rpc_answer_unknown
        (0xa43a_d8b7, &[Id, Int, Int]),       // rpc_answer_dropped
        (0xe220_45fc, &[Long]),               // destroy_session_ok
        (0x58e4_a740, &[Id]),                 // rpc_drop_answer
        (0xb921_bd04, &[Int]),                // get_future_salts
        (0x7abe_77ec, &[Long]),               // ping
        (0xf342_7b8c, &[Long, Int]),          // ping_delay_disconnect
        (0xe751_2126, &[Long]),               // destroy_session
        (0x9299_359f, &[Int, Int, Int]),      // http_wait
        (0xcb9f_372d, &[Id]),                 // invokeAfterMsg, its query cut off
        (0xda9b_0d0d, &[Int]),                // invokeWithLayer, likewise
    ]
};

/// msgs_ack, msgs_state_req, msg_resend_req, invokeAfterMsgs.
const LISTS: [u32; 4] = [0x62d6_b459, 0xda69_fb52, 0x7d86_1a08, 0x3dc4_b4f0];

enum Field {
    /// Of a message that was seen, or any.
    Id,
    Int,
    Long,
}

/// One body; `ids` are those that a message may be about.
pub fn body(input: &mut Input<'_>, ids: &[i64], depth: usize) -> BytesMut {
    let mut out = BytesMut::new();
    match input.u8() % 8 {
        0 => out.extend_from_slice(input.string()),
        1 if depth < DEPTH_MAX => container(input, ids, depth, &mut out),
        2 if depth < DEPTH_MAX => packed(input, ids, depth, &mut out),
        3 => list(input, ids, &mut out),
        4 => result(input, ids, depth, &mut out),
        5 => echo(input, &mut out),
        _ => fixed(input, ids, &mut out),
    }
    out
}

/// A query like any other.
pub fn echo(input: &mut Input<'_>, out: &mut BytesMut) {
    out.put_u32_le(0x983b_f800);
    string(input.string(), out);
}

fn id(input: &mut Input<'_>, ids: &[i64]) -> i64 {
    match usize::from(input.u8()) {
        255 => input.i64(),
        number if ids.is_empty() => i64::try_from(number).unwrap_or(0),
        number => ids[number % ids.len()],
    }
}

fn fixed(input: &mut Input<'_>, ids: &[i64], out: &mut BytesMut) {
    let (constructor, fields) = FIXED[input.below(FIXED.len())];
    out.put_u32_le(constructor);
    for field in fields {
        match field {
            Field::Id => out.put_i64_le(id(input, ids)),
            Field::Int => out.put_i32_le(small(input)),
            Field::Long => out.put_i64_le(i64::from(input.u8())),
        }
    }
}

/// Mostly the numbers that mean something: codes, seq_nos, delays.
fn small(input: &mut Input<'_>) -> i32 {
    match input.u8() {
        255 => input.i32(),
        number => i32::from(number),
    }
}

fn list(input: &mut Input<'_>, ids: &[i64], out: &mut BytesMut) {
    out.put_u32_le(LISTS[input.below(LISTS.len())]);
    out.put_u32_le(VECTOR);
    let (count, written) = count(input, 16);
    out.put_i32_le(count);
    (0..written).for_each(|_| out.put_i64_le(id(input, ids)));
}

/// What is said and what is true; mostly the same.
fn count(input: &mut Input<'_>, max: usize) -> (i32, usize) {
    let written = input.below(max);
    match input.u8() {
        255 => (input.i32(), written),
        _ => (i32::try_from(written).unwrap_or(0), written),
    }
}

fn container(input: &mut Input<'_>, ids: &[i64], depth: usize, out: &mut BytesMut) {
    out.put_u32_le(CONTAINER);
    let (count, written) = count(input, 6);
    out.put_i32_le(count);
    for _ in 0..written {
        let (msg_id, seq_no) = (id(input, ids), small(input));
        let skew = i32::from(input.u8() == 255) * 4;
        let inner = body(input, ids, depth + 1);
        out.put_i64_le(msg_id);
        out.put_i32_le(seq_no);
        out.put_i32_le(i32::try_from(inner.len()).unwrap_or(0) + skew);
        out.extend_from_slice(&inner);
    }
}

fn result(input: &mut Input<'_>, ids: &[i64], depth: usize, out: &mut BytesMut) {
    out.put_u32_le(0xf35c_6d01);
    out.put_i64_le(id(input, ids));
    match input.u8() % 4 {
        // rpc_error
        0 => {
            out.put_u32_le(0x2144_ca19);
            out.put_i32_le(small(input));
            string(input.string(), out);
        }
        _ => out.extend_from_slice(&body(input, ids, depth.max(1) + 1)),
    }
}

/// A zlib stream of one stored block, so that any body can be packed.
fn packed(input: &mut Input<'_>, ids: &[i64], depth: usize, out: &mut BytesMut) {
    let damage = input.u8();
    let plain = body(input, ids, depth + 1);
    let Ok(len) = u16::try_from(plain.len()) else { return };
    let mut stream = vec![0x78, 0x01, 0x01];
    stream.put_u16_le(len);
    stream.put_u16_le(!len);
    stream.extend_from_slice(&plain);
    stream.put_u32(adler32(&plain));
    if damage == 255 {
        input.edit(&mut stream[..7]);
    }
    out.put_u32_le(GZIP_PACKED);
    string(&stream, out);
}

fn adler32(bytes: &[u8]) -> u32 {
    let (mut a, mut b) = (1_u32, 0_u32);
    for byte in bytes {
        a = (a + u32::from(*byte)) % 65_521;
        b = (b + a) % 65_521;
    }
    b << 16 | a
}

/// A TL string in its canonical form.
fn string(bytes: &[u8], out: &mut BytesMut) {
    match u8::try_from(bytes.len()) {
        Ok(len) if len < 254 => out.put_u8(len),
        _ => out.put_u32_le(u32::try_from(bytes.len()).unwrap_or(0) << 8 | 0xfe),
    }
    out.extend_from_slice(bytes);
    while !out.len().is_multiple_of(4) {
        out.put_u8(0);
    }
}
