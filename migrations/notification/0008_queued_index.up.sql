-- Only builds from before 0003_digests read the queue through this index. Every change of a notification wrote it.
drop index notifications_queued;
