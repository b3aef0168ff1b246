//! A rate limiter: spaces messages as the provider demands, overall and per chat, and pauses all chats if the provider limits the bot.
//!
//! A provider's 429 does not say whether it limits the chat or the bot. It limits the bot if it refuses messages to several chats and
//! accepts none in between; until then, each refusal pauses its own chat.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use tokio::time::Instant;

use crate::client::Limits;

pub struct RateLimiter {
    limits: Limits,
    next: Instant,
    /// The time from which each chat may get its next message. [`throttled`](Self::throttled) removes past entries.
    chats: HashMap<String, Instant>,
    /// The chats to which messages were refused since the last one was accepted; at most [`LIMITED_CHATS`].
    refused: HashSet<String>,
    paused: Option<Instant>,
}

/// Refusals to this many chats, without an accepted message in between, mean that the provider limits the bot.
const LIMITED_CHATS: usize = 3;

impl RateLimiter {
    pub fn new(limits: Limits) -> Self {
        Self { limits, next: Instant::now(), chats: HashMap::new(), refused: HashSet::new(), paused: None }
    }

    /// Reserves the next slot for a message to `chat` and returns its time.
    pub fn reserve(&mut self, chat: &str) -> Instant {
        let free = self.chats.get(chat).copied().unwrap_or(self.next);
        let at = free.max(self.next).max(Instant::now());
        self.next = at + self.limits.overall;
        self.chats.insert(chat.to_owned(), at + self.limits.per_chat);
        at
    }

    /// Records that the provider has accepted or rejected a message, so it does not limit the bot.
    pub fn answered(&mut self) {
        self.refused.clear();
    }

    /// Records that the provider refuses messages to `chat` for `pause`. Returns true if it limits the bot, so that all chats pause.
    pub fn refused(&mut self, chat: &str, pause: Duration) -> bool {
        let until = Instant::now() + pause;
        self.refused.insert(chat.to_owned());
        if self.refused.len() < LIMITED_CHATS {
            return false;
        }
        self.refused.clear();
        self.paused = self.paused.max(Some(until));
        true
    }

    /// The end of the pause of all chats.
    pub fn paused(&self) -> Option<Instant> {
        self.paused
    }

    /// Returns true if this call ended the pause because its time was over.
    pub fn resume(&mut self) -> bool {
        self.paused.take_if(|until| *until <= Instant::now()).is_some()
    }

    /// Returns the chats that must wait, each with the time from which it may get a message.
    pub fn throttled(&mut self) -> impl Iterator<Item = (&String, Instant)> {
        let now = Instant::now();
        self.chats.retain(|_, free| *free > now);
        self.chats.iter().map(|(chat, free)| (chat, *free))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn messages_are_spaced_overall_and_per_chat() {
        let (gap, chat_gap) = (Duration::from_millis(50), Duration::from_secs(1));
        let mut limiter = RateLimiter::new(Limits { overall: gap, per_chat: chat_gap });
        let start = Instant::now();

        let slots = ["a", "b", "a", "c"].map(|chat| limiter.reserve(chat) - start);

        assert_eq!(slots, [Duration::ZERO, gap, chat_gap, chat_gap + gap]);
    }

    #[tokio::test(start_paused = true)]
    async fn several_refused_chats_in_a_row_are_a_limit_of_the_bot() {
        let pause = Duration::from_secs(7);
        let mut limiter = RateLimiter::new(Limits::default());

        assert_eq!(["a", "b", "a"].map(|chat| limiter.refused(chat, pause)), [false; 3]);
        limiter.answered();
        assert_eq!(["a", "b"].map(|chat| limiter.refused(chat, pause)), [false; 2]);
        assert!(limiter.refused("c", pause));

        assert_eq!(limiter.paused(), Some(Instant::now() + pause));
        assert!(!limiter.resume());
        tokio::time::sleep(pause).await;
        assert!(limiter.resume() && limiter.paused().is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn a_chat_is_free_again_after_its_gap() {
        let mut limiter = RateLimiter::new(Limits { overall: Duration::ZERO, per_chat: Duration::from_secs(1) });
        limiter.reserve("a");
        assert_eq!(limiter.throttled().count(), 1);

        tokio::time::sleep(Duration::from_secs(1)).await;

        assert_eq!(limiter.throttled().count(), 0);
    }
}
