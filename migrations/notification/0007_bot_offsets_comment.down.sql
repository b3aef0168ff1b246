comment on table bot_offsets is 'Rows are never removed: one per bot.';
