comment on table alerts is
    'One row per report of Alertmanager, so that each is sent once. Removed by the job "alerts" of the notification service, once it is '
    'older than the topics keep their records and a day more.';
