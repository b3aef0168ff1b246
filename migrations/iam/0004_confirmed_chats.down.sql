alter table users
    drop column confirmed_chat,
    drop column chat_confirmed_at;
