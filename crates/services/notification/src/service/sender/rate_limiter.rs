//! A rate limiter: spaces messages as the provider demands, overall and per chat.

use std::collections::HashMap;

use tokio::time::Instant;

use crate::client::Limits;

pub struct RateLimiter {
    limits: Limits,
    next: Instant,
    /// Each chat with the earliest time of its next message. [`throttled`](Self::throttled) removes past entries.
    chats: HashMap<String, Instant>,
}

impl RateLimiter {
    pub fn new(limits: Limits) -> Self {
        Self { limits, next: Instant::now(), chats: HashMap::new() }
    }

    /// Reserves the next slot for a message to `chat` and returns its time.
    pub fn reserve(&mut self, chat: &str) -> Instant {
        let free = self.chats.get(chat).copied().unwrap_or(self.next);
        let at = free.max(self.next).max(Instant::now());
        self.next = at + self.limits.overall;
        self.chats.insert(chat.to_owned(), at + self.limits.per_chat);
        at
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
    async fn a_chat_is_free_again_after_its_gap() {
        let mut limiter = RateLimiter::new(Limits { overall: Duration::ZERO, per_chat: Duration::from_secs(1) });
        limiter.reserve("a");
        assert_eq!(limiter.throttled().count(), 1);

        tokio::time::sleep(Duration::from_secs(1)).await;

        assert_eq!(limiter.throttled().count(), 0);
    }
}
