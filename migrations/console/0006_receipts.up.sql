-- The latest signed receipt of each order, without its checks. The order's next receipt names its digest.
create table receipts (
    order_uuid uuid primary key,
    -- SHA-256 in hexadecimal digits: of the checks, of the receipt before, and of this one.
    checks text not null,
    issued_at timestamptz not null,
    version text not null,
    previous text,
    digest text not null
);
comment on table receipts is 'Rows are never removed: one per order whose receipt was signed. Without it the next receipt would name no previous one.';
