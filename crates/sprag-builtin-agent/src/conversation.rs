//! What was said so far, kept within what the model takes in. The brief and the last turns stay as they are. Before them the
//! oldest answers of tools are shortened first, and whole turns are left out where that is not enough: always far below the
//! limit, so that the beginning then stays the same for many requests, and a server's cache hits it.

use genai::chat::{CacheControl, ChatMessage, ChatRequest, MessageOptions, Tool, ToolResponse};
use sprag_agent::Failure;
use sprag_agent::FailureKind;

/// So many bytes are a token at least, in prose and in code.
const BYTES_PER_TOKEN: usize = 3;

/// From what share of the window on it is too long, in percent: the rest is for the answer.
const FULL: usize = 80;
/// To what share it is brought, in percent.
const AFTERWARDS: usize = 50;

/// The newest turns, of which nothing is taken.
const KEPT_TURNS: usize = 2;

/// So much of an answer stays, in bytes.
const STUMP: usize = 200;

/// One answer of the model, and what its calls came to.
struct Turn {
    message: ChatMessage,
    results: Vec<ToolResponse>,
}

impl Turn {
    fn size(&self) -> usize {
        self.message.size() + self.results.iter().map(ToolResponse::size).sum::<usize>()
    }
}

/// A conversation about one brief.
pub(crate) struct Conversation {
    system: String,
    brief: String,
    tools: Vec<Tool>,
    turns: Vec<Turn>,
    /// So many of the oldest turns are gone.
    left_out: usize,
    /// The window, in bytes.
    window: usize,
}

/// What was taken from a conversation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Taken {
    pub(crate) answers: usize,
    pub(crate) turns: usize,
}

impl Conversation {
    /// `context` is the window, in tokens.
    pub(crate) fn new(system: &str, brief: String, tools: Vec<Tool>, context: u64) -> Self {
        let window = usize::try_from(context).unwrap_or(usize::MAX).saturating_mul(BYTES_PER_TOKEN);
        Self { system: system.to_owned(), brief, tools, turns: Vec::new(), left_out: 0, window }
    }

    pub(crate) fn add(&mut self, message: ChatMessage, results: Vec<ToolResponse>) {
        self.turns.push(Turn { message, results });
    }

    /// Brings it within the window. Answers what was taken, where anything was.
    ///
    /// # Errors
    /// What must stay is too long by itself.
    pub(crate) fn fit(&mut self) -> Result<Option<Taken>, Failure> {
        if self.size() <= self.share(FULL) {
            return Ok(None);
        }
        let mut taken = Taken::default();
        let goal = self.share(AFTERWARDS);
        let old = self.turns.len().saturating_sub(KEPT_TURNS);
        let mut size = self.size();
        for result in self.turns[..old].iter_mut().flat_map(|turn| &mut turn.results) {
            if size <= goal {
                break;
            }
            let before = result.content.len();
            if shorten(&mut result.content) {
                size -= before - result.content.len();
                taken.answers += 1;
            }
        }
        let mut gone = 0;
        while size > goal && gone < old {
            size -= self.turns[gone].size();
            gone += 1;
        }
        self.turns.drain(..gone);
        self.left_out += gone;
        taken.turns = gone;
        if self.size() > self.share(FULL) {
            let tokens = self.size() / BYTES_PER_TOKEN;
            let said = format!(
                "the brief and the last turns have about {tokens} tokens, and the model takes in {} (`context`)",
                self.window / BYTES_PER_TOKEN
            );
            return Err(Failure::new(FailureKind::Model, said));
        }
        Ok((taken != Taken::default()).then_some(taken))
    }

    /// The next request. `marks` says to a server that caches only what it is told to where to go on from.
    pub(crate) fn request(&self, marks: bool) -> ChatRequest {
        let mut messages = vec![ChatMessage::user(self.brief.clone())];
        if self.left_out > 0 {
            messages.push(ChatMessage::user(left_out(self.left_out)));
        }
        for turn in &self.turns {
            messages.push(turn.message.clone());
            messages.push(ChatMessage::from(turn.results.clone()));
        }
        if marks && let Some(last) = messages.last_mut() {
            last.options = Some(MessageOptions::from(CacheControl::Ephemeral));
        }
        ChatRequest::new(messages).with_system(self.system.clone()).with_tools(self.tools.clone())
    }

    fn size(&self) -> usize {
        let tools: usize = self.tools.iter().map(Tool::size).sum();
        self.system.len() + self.brief.len() + tools + self.turns.iter().map(Turn::size).sum::<usize>()
    }

    fn share(&self, percent: usize) -> usize {
        self.window / 100 * percent
    }
}

fn left_out(turns: usize) -> String {
    format!(
        "({turns} turns of yours were left out here, because the conversation grew too long. The files are as you left them.)"
    )
}

/// Whether anything was taken.
fn shorten(text: &mut String) -> bool {
    let bytes = text.len();
    if bytes <= 2 * STUMP {
        return false;
    }
    text.truncate(text.floor_char_boundary(STUMP));
    text.push_str(&format!("\n(shortened: there were {bytes} bytes; call the tool again for the rest)"));
    true
}

#[cfg(test)]
mod tests {
    use genai::chat::ToolCall;
    use serde_json::json;

    use super::*;

    /// Turns that each read a file of so many bytes, in a window of 10,000 bytes.
    fn talk(turns: usize, bytes: usize) -> Conversation {
        let mut talk =
            Conversation { window: 10_000, ..Conversation::new("system", "brief".into(), vec![], 0) };
        for n in 0..turns {
            let call = ToolCall {
                call_id: format!("{n}"),
                fn_name: "read".to_owned(),
                fn_arguments: json!({ "path": "a" }),
                thought_signatures: None,
            };
            let result = ToolResponse::from_tool_call(&call, format!("{n}:{}", "x".repeat(bytes)));
            talk.add(ChatMessage::from(vec![call]), vec![result]);
        }
        talk
    }

    fn sent(talk: &Conversation) -> String {
        serde_json::to_string(&talk.request(false).messages).unwrap()
    }

    #[test]
    fn what_fits_is_sent_as_it_is() {
        let mut talk = talk(7, 1_000);
        let before = sent(&talk);
        assert_eq!((talk.fit().unwrap(), sent(&talk)), (None, before));
    }

    #[test]
    fn the_oldest_answers_are_shortened_and_the_last_turns_stay() {
        let mut long = talk(9, 1_000);
        assert_eq!(long.fit().unwrap(), Some(Taken { answers: 6, turns: 0 }));
        assert!(long.size() <= 5_000 + 1_000);
        let results: Vec<usize> = long.turns.iter().map(|turn| turn.results[0].content.len()).collect();
        assert!(results[..6].iter().all(|length| *length < 400), "{results:?}");
        assert!(results[7..].iter().all(|length| *length > 1_000), "{results:?}");
        let again = sent(&long);
        assert_eq!((long.fit().unwrap(), sent(&long)), (None, again), "what was brought down stays so");
    }

    #[test]
    fn a_prefix_stays_the_same_until_it_is_full_again() {
        let mut long = talk(9, 1_000);
        long.fit().unwrap();
        let before = sent(&long);
        let mut longer = talk(9, 1_000);
        longer.fit().unwrap();
        longer.turns.extend(talk(1, 1_000).turns);
        assert_eq!(longer.fit().unwrap(), None);
        assert!(sent(&longer).starts_with(&before[..before.len() - 1]));
    }

    #[test]
    fn whole_turns_are_left_out_where_shortening_is_not_enough_and_the_brief_stays() {
        let mut many = talk(200, 100);
        let taken = many.fit().unwrap().unwrap();
        assert!(taken.answers == 0 && taken.turns > 100, "{taken:?}");
        let messages = many.request(false).messages;
        assert_eq!(messages[0].content.first_text(), Some("brief"));
        assert!(messages[1].content.first_text().unwrap().contains("turns of yours were left out"));
        assert!(sent(&many).contains("199:"));
    }

    #[test]
    fn what_must_stay_and_does_not_fit_is_told() {
        let mut brief = Conversation { brief: "x".repeat(9_000), ..talk(0, 0) };
        assert!(brief.fit().unwrap_err().said.contains("`context`"));
        assert!(talk(2, 6_000).fit().is_err());
    }
}
