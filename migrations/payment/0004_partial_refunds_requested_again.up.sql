-- When the provider was last asked anew for a refund that had failed after it was made. Null if that has not happened.
alter table partial_refunds add column requested_at timestamptz;
