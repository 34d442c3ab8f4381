//! What a device makes of the server's objects.

use crate::sim::bugs::{Bug, Planted};
use bytes::Bytes;
use odnix_client_ref::sync::{Answer, Question};
use odnix_tl::Decode as _;
use odnix_tl::odnix::{enums, types};

/// The question with a bound on one slice, so that slices are seen with short logs too.
pub fn with_slice(question: Question, slice: i32) -> Question {
    match question {
        Question::GetDifference(mut it) => {
            it.pts_limit = Some(slice);
            Question::GetDifference(it)
        }
        Question::GetChatDifference(mut it) => {
            // Logs of groups are shorter.
            it.pts_limit = Some(slice / 4 + 1);
            Question::GetChatDifference(it)
        }
        other => other,
    }
}

/// The answer to a question; `None` if it cannot be read.
pub fn read_answer(question: &Question, body: Bytes, planted: Planted) -> Option<Answer> {
    match question {
        Question::GetDifference(_) | Question::GetChatDifference(_) => {
            let difference = enums::updates::Difference::from_bytes(body).ok()?;
            let of_chat = matches!(question, Question::GetChatDifference(_));
            Some(Answer::Difference(twisted(difference, of_chat, planted)))
        }
        Question::GetState(_) => types::updates::State::from_bytes(body).ok().map(Answer::State),
        Question::GetDialogs(_) => {
            types::messages::Dialogs::from_bytes(body).ok().map(Answer::Dialogs)
        }
        Question::GetHistory(_) => {
            types::messages::Messages::from_bytes(body).ok().map(Answer::History)
        }
        Question::GetDrafts(_) => {
            types::messages::Drafts::from_bytes(body).ok().map(Answer::Drafts)
        }
    }
}

fn twisted(
    difference: enums::updates::Difference,
    of_chat: bool,
    planted: Planted,
) -> enums::updates::Difference {
    use enums::updates::Difference as Wire;
    let (slice, too_long) = match of_chat {
        false => (Bug::SliceAsFull, Bug::TooLongAsEmpty),
        true => (Bug::ChatSliceAsFull, Bug::ChatTooLongAsEmpty),
    };
    match difference {
        Wire::DifferenceSlice(it) if planted.is(slice) => {
            let types::updates::DifferenceSlice { updates, users, chats, intermediate_state } = it;
            let state = intermediate_state;
            Wire::Difference(types::updates::Difference { updates, users, chats, state })
        }
        Wire::DifferenceTooLong(_) if planted.is(too_long) => {
            Wire::DifferenceEmpty(types::updates::DifferenceEmpty { date: 0, seq: 0 })
        }
        other => other,
    }
}
