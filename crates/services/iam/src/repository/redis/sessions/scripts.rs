//! The Redis scripts of sessions. All except `open` and `add_token` also run when Redis is out of memory, so that only
//! logins and new tokens are refused then.

use redis::Script;

pub struct Scripts {
    pub open: Script,
    pub find: Script,
    pub add_token: Script,
    pub find_token: Script,
    pub close: Script,
    pub close_all: Script,
    pub close_others: Script,
    pub update: Script,
    pub list: Script,
    pub end: Script,
    pub begin_change: Script,
}

macro_rules! script {
    ($header:literal, $($file:literal),+) => {
        Script::new(concat!($header, $(include_str!($file)),+))
    };
}

impl Default for Scripts {
    fn default() -> Self {
        Self {
            open: script!("#!lua\n", "remember.lua", "session_limit.lua", "open.lua"),
            find: script!("#!lua flags=allow-oom\n", "use.lua", "find.lua"),
            add_token: script!("#!lua\n", "session_limit.lua", "add_token.lua"),
            find_token: script!("#!lua flags=allow-oom\n", "use.lua", "find_token.lua"),
            close: script!("#!lua flags=allow-oom\n", "close.lua"),
            close_all: script!("#!lua flags=allow-oom\n", "close_all.lua"),
            close_others: script!("#!lua flags=allow-oom\n", "close_others.lua"),
            update: script!("#!lua flags=allow-oom\n", "remember.lua", "update.lua"),
            list: script!("#!lua flags=no-writes\n", "list.lua"),
            end: script!("#!lua flags=allow-oom\n", "end.lua"),
            begin_change: script!("#!lua flags=allow-oom\n", "begin_change.lua"),
        }
    }
}
