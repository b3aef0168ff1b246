-- The devices from which a user has logged in: an object from the digest of each device to the time of its last login in seconds since 1970,
-- at most eight. Older replicas neither read nor write it.
alter table users add column known_devices jsonb not null default '{}' check (jsonb_typeof(known_devices) = 'object');
