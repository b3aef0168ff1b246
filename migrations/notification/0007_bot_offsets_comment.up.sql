-- Migration 0005 says by mistake that rows of bot_offsets are never removed.
comment on table bot_offsets is
    'One row per bot. Removed by the job "bot_offsets" of the notification service, once the bot has had no update for longer '
    'than the topics keep their records and a day more.';
