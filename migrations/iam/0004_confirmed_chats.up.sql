-- The Telegram chat in which the user gave the bot a code. A notification method is confirmed while its target is this chat, so a changed
-- target is not. Older replicas neither read nor write it.
alter table users
    add column confirmed_chat bigint,
    add column chat_confirmed_at timestamptz;
