-- Alertmanager sends alerts itself. A replica of the release before still writes here.
comment on table alerts is 'Rows are never removed: none is written any more, and a later release drops the table.';
