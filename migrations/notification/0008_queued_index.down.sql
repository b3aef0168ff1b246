create index notifications_queued on notifications (coalesce(chat, uuid::text), created_at, uuid) where status = 'queued';
