alter table outbox drop constraint outbox_finite;
