/**
 * The types of the API, generated from its OpenAPI description by `node scripts/write-console-types.ts`. A test
 * compares both.
 */
export interface paths {
    "/dead-letters": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Repair messages that started no repair. */
        get: operations["dead-letters"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/dead-letters/{messageId}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /** Deletes a dead letter, without harm to its slab: if the letter's lease still waits for a repair, the lease expires and the slab is claimed again. */
        delete: operations["dead-letter-delete"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/dead-letters/redrive": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Sends again the dead letters whose leases still wait, and deletes those that no longer matter. Needs SLABMEND_QUEUE_URL, and permission to send to this queue. Sending a message twice is harmless. */
        post: operations["dead-letters-redrive"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/events": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Server-sent events, at least one every 5 s: `status` (Status), `workers` (Workers), and `database` (DatabaseEvent) at the start of the stream and when the database becomes unreachable or reachable. */
        get: operations["events"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/hosts": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** All hosts of indexd: whether each may take sectors, and how it performs. */
        get: operations["hosts"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/indexers": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The indexers of this server, their states and modes, and the workers that run for them here. */
        get: operations["indexers"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/indexers/{indexer}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /** Deletes an indexer: ends its repairs, then removes slabmend's tables from its database. One table stays, the tombstone: it records who deleted the indexer, when and why. indexd's tables are not changed. Cannot be undone. */
        delete: operations["indexer-delete"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/journal": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Finished repairs, latest first. */
        get: operations["history"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/losses": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The sectors that hosts denied and the earlier locations of lost sectors, the latest denial first. */
        get: operations["losses"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/mode": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        /** Pauses, suspends or resumes the fleet. While it is paused or suspended, no slabs are leased; leased slabs are still repaired, and reap continues. A suspension also ends the indexer's processes when its repairs are finished. */
        put: operations["fleet-mode"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/quarantine": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Slabs whose repairs kept crashing workers. */
        get: operations["quarantine"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/quarantine/{slab}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /** Ends the quarantine of a slab and resets its crash count; the next claim may lease it. */
        delete: operations["quarantine-release"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/runs": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The unfinished maintenance run (if there is none, the last run) and earlier runs. */
        get: operations["runs"];
        put?: never;
        /** Starts a maintenance run, which `serve` and `work --from-database` execute. With `dryRun`, starts nothing and only estimates the cost. */
        post: operations["run-start"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/runs/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One maintenance run. */
        get: operations["run"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/runs/{id}/{request}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Pauses or cancels a maintenance run after the current batch, or continues a paused run. A cancelled run is `cancelling` until a process has ended it; its records stay. */
        post: operations["run-request"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/slabs": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Unhealthy slabs, most likely to be lost first. */
        get: operations["slabs"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/slabs/{slab}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One slab, shard by shard. */
        get: operations["slab"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/slabs/{slab}/history": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Finished repairs of one slab, latest first. */
        get: operations["slab-history"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/status": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The state of the fleet and its slabs, at most 2 s old. */
        get: operations["status"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/throughput": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Repairs over time. */
        get: operations["throughput"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/workers": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The processes of this `serve`, and every `work` and `serve` on its database. */
        get: operations["workers"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        DatabaseEvent: {
            away: boolean;
            code: string | null;
            /**
             * @description Raised when a key is removed or changes its meaning, but not for a new key.
             * @constant
             */
            schemaVersion: 1;
            since: string | null;
        };
        DeadLetterDelete: {
            deleted: number;
        };
        DeadLetters: {
            /** Format: date-time */
            at: string;
            /** @description latest first */
            letters: {
                body: string | null;
                bodyBytes: number;
                cause: string;
                /**
                 * @description can-be-sent: the message's lease still waits for its repair. moot: the slab no longer needs the message. unreadable: another program or a newer release has written the message
                 * @enum {string}
                 */
                fate: "can-be-sent" | "moot" | "unreadable";
                /** Format: date-time */
                firstSeen: string;
                /** Format: date-time */
                lastSeen: string;
                messageId: string;
                receiveCount: number;
                slabId: string | null;
                timesSeen: number;
            }[];
            /**
             * @description Raised when a key is removed or changes its meaning, but not for a new key.
             * @constant
             */
            schemaVersion: 1;
            total: number;
        };
        DeadLettersRedrive: {
            discarded: number;
            kept: number;
            moot: number;
            sent: number;
        };
        FleetMode: {
            /** @description false: the fleet had this mode already */
            changed: boolean;
            mode: {
                /** @enum {string} */
                kind: "running" | "paused" | "suspended" | "maintenance" | "deleting";
                owner: string | null;
                reason: string | null;
                since: string | null;
            };
        };
        History: {
            /** Format: date-time */
            at: string;
            next: string | null;
            /** @description latest first */
            repairs: {
                /** Format: date-time */
                beganAt: string;
                bytesRead: number;
                bytesWritten: number;
                digest: string;
                dropped: {
                    index: number;
                    why: string;
                }[];
                /** Format: date-time */
                endedAt: string;
                error: string | null;
                id: string;
                /** @description drain: a repair whose only cause was a draining host; repair: any other repair */
                kind: string;
                /** Format: date-time */
                leasedAt: string;
                lost: {
                    host: string;
                    root: string;
                }[];
                moves: {
                    from: string | null;
                    /** @enum {string} */
                    how: "copied" | "rebuilt" | "found";
                    index: number;
                    root: string;
                    /** @description host key */
                    to: string;
                }[];
                /** @description the recorded outcome */
                outcome: string;
                paid: {
                    /** @description exact, in decimal digits */
                    hastings: string;
                    /** @description the same in siacoins, rounded */
                    siacoins: number;
                };
                phasesMs: {
                    [key: string]: number;
                };
                /** @description the outcome that the worker reported; the recorded one differs if, for example, moves were dropped */
                reportedOutcome: string;
                seconds: number;
                slabId: string;
                worker: string;
            }[];
            /**
             * @description Raised when a key is removed or changes its meaning, but not for a new key.
             * @constant
             */
            schemaVersion: 1;
            searchedSince: string | null;
        };
        Hosts: {
            /** Format: date-time */
            at: string;
            candidates: number;
            good: number;
            /** @description best first: candidates, then other good hosts, then the rest; in each group by failure rate, then by speed */
            hosts: {
                /** @description siamux only, host:port */
                addresses: string[];
                blocked: boolean;
                /** @description total size of its active contracts */
                contractBytes: number;
                denials: {
                    /** @description sectors that it denied and that the database still records on it */
                    open: number;
                    /** @description denies an unusual share of the requested sectors */
                    suspected: boolean;
                } | null;
                hasActiveContract: boolean;
                hasAppendContract: boolean;
                hostKey: string;
                id: number;
                /** @description may take sectors now */
                isCandidate: boolean;
                /** @description its sectors may stay: usable, not blocked, with an active contract */
                isGood: boolean;
                lastScanAgeSeconds: number | null;
                latitude: number;
                longitude: number;
                /** @description indexd's counter */
                lostSectors: number;
                recentUptime: number;
                remainingStorageBytes: number;
                score: {
                    /** @description 0..1, fading with a half-life of 30 min */
                    failureRate: number;
                    /** @description recently refused a sector for lack of space */
                    full: boolean;
                    /** @description our account there recently lacked funds */
                    outOfFunds: boolean;
                    readBytesPerSecond: number | null;
                    writeBytesPerSecond: number | null;
                } | null;
                stuck: boolean;
                unpinnedSectors: number;
                usable: boolean;
                /** @description why it is not a candidate: blocked, draining, stuck, no-storage, no-active-contract, no-append-contract, no-address, too-many-unpinned, full, or the names of indexd's checks that it fails */
                why: string[];
            }[];
            /**
             * @description Raised when a key is removed or changes its meaning, but not for a new key.
             * @constant
             */
            schemaVersion: 1;
            total: number;
        };
        IndexerDelete: {
            mode: {
                /** @enum {string} */
                kind: "running" | "paused" | "suspended" | "maintenance" | "deleting";
                owner: string | null;
                reason: string | null;
                since: string | null;
            };
        };
        Indexers: {
            indexers: {
                /** @description consecutive failures of the present step of its lifecycle */
                failures: number;
                /** @description the indexer's work in the `serve` process that answers; null: it does no work there, or a command prints the report */
                here: {
                    /** @description simultaneous repairs that it may run now */
                    concurrency: number;
                    /** @description restarts of claim and reap because they stalled */
                    restarts: number;
                    running: number;
                    units: {
                        /** @enum {string} */
                        health: "processing" | "idle" | "waiting" | "stalled";
                        says: string;
                        /** @description claim, reap, or a worker */
                        unit: string;
                    }[];
                } | null;
                /** @description the process that controls the indexer; null: none, or unknown */
                holder: string | null;
                /** @description the mode that an operator set; null: unknown */
                mode: {
                    /** @enum {string} */
                    kind: "running" | "paused" | "suspended" | "maintenance" | "deleting";
                    owner: string | null;
                    reason: string | null;
                    since: string | null;
                } | null;
                name: string;
                /** @description for people */
                says: string;
                since: string | null;
                /**
                 * @description absent: its database has no slabmend schema; unknown: the database does not answer
                 * @enum {string}
                 */
                state: "initializing" | "running" | "stopping" | "stopped" | "repairing" | "deleting" | "deleted" | "absent" | "unknown";
                trouble: {
                    /** @description stable */
                    code: string;
                    message: string;
                    remedy: string | null;
                } | null;
            }[];
            /**
             * @description Raised when a key is removed or changes its meaning, but not for a new key.
             * @constant
             */
            schemaVersion: 1;
        };
        Losses: {
            /** Format: date-time */
            at: string;
            /** @description latest denial first */
            losses: {
                /**
                 * @description the host's answer
                 * @enum {string}
                 */
                code: "not-found" | "corrupt";
                denials: number;
                /** Format: date-time */
                firstDeniedAt: string;
                host: string | null;
                /** @description true: three counted denials, and no read of the whole sector between them */
                isBadForGood: boolean;
                /** Format: date-time */
                lastDeniedAt: string;
                root: string;
                sectorId: string;
                /** @description some of the slabs that the sector is part of */
                slabs: string[];
                /**
                 * @description open: the sector is still recorded on the host that denied it. lost: the sector was recorded as lost on that host, or has moved away since
                 * @enum {string}
                 */
                state: "open" | "lost";
                wholeDeniedAt: string | null;
            }[];
            next: string | null;
            /**
             * @description Raised when a key is removed or changes its meaning, but not for a new key.
             * @constant
             */
            schemaVersion: 1;
            total: number;
        };
        Problem: {
            /** @description stable */
            code: string;
            /** @description what was expected and what was received; the text is not stable */
            detail: string;
            expected: string | null;
            got: string | null;
            remedy: string | null;
            status: number;
            /** @description the status's name */
            title: string;
            /** @description urn:slabmend:problem:CODE */
            type: string;
        };
        Quarantine: {
            /** Format: date-time */
            at: string;
            /**
             * @description Raised when a key is removed or changes its meaning, but not for a new key.
             * @constant
             */
            schemaVersion: 1;
            /** @description earliest end first */
            slabs: {
                crashes: number;
                digest: string;
                reason: string;
                slabId: string;
                /** Format: date-time */
                until: string;
            }[];
            total: number;
        };
        QuarantineRelease: {
            released: string[];
        };
        Run: {
            affected: {
                /** @description object keys; at most 1,000 */
                objects: string[];
                /** @description sectors denied since the run began, and not fully served since */
                sectors: number;
                /** @description at most 1,000 */
                slabs: string[];
            } | null;
            /** Format: date-time */
            at: string;
            /** @description other runs, latest first; only for `status` */
            earlier: {
                coordinator: string | null;
                coordinatorSeenAt: string | null;
                error: {
                    code: string;
                    message: string;
                    remedy: string;
                } | null;
                finishedAt: string | null;
                /** @description it found something that needs an operator's attention */
                hasFindings: boolean;
                host: string | null;
                /** @description public keys of the hosts of its scope */
                hosts: string[];
                id: string;
                kind: string;
                object: string | null;
                /** @description who started the run */
                owner: string;
                progress: {
                    done: number;
                    total: number;
                    unit: string;
                } | null;
                sample: {
                    confidence: number;
                    draws: number;
                    missingShare: number;
                } | null;
                /** @description its results so far, for people */
                says: string[];
                slabId: string | null;
                /** Format: date-time */
                startedAt: string;
                /**
                 * @description cancelling: some work of the run is still in progress
                 * @enum {string}
                 */
                state: "running" | "paused" | "cancelling" | "done" | "cancelled" | "failed";
                /** @description the keys depend on the run's kind: docs/maintenance.md */
                statistics: {
                    [key: string]: unknown;
                };
            }[];
            estimate: {
                lines: string[];
                values: {
                    [key: string]: (number | string) | null;
                };
            } | null;
            run: {
                coordinator: string | null;
                coordinatorSeenAt: string | null;
                error: {
                    code: string;
                    message: string;
                    remedy: string;
                } | null;
                finishedAt: string | null;
                /** @description it found something that needs an operator's attention */
                hasFindings: boolean;
                host: string | null;
                /** @description public keys of the hosts of its scope */
                hosts: string[];
                id: string;
                kind: string;
                object: string | null;
                /** @description who started the run */
                owner: string;
                progress: {
                    done: number;
                    total: number;
                    unit: string;
                } | null;
                sample: {
                    confidence: number;
                    draws: number;
                    missingShare: number;
                } | null;
                /** @description its results so far, for people */
                says: string[];
                slabId: string | null;
                /** Format: date-time */
                startedAt: string;
                /**
                 * @description cancelling: some work of the run is still in progress
                 * @enum {string}
                 */
                state: "running" | "paused" | "cancelling" | "done" | "cancelled" | "failed";
                /** @description the keys depend on the run's kind: docs/maintenance.md */
                statistics: {
                    [key: string]: unknown;
                };
            } | null;
            /**
             * @description Raised when a key is removed or changes its meaning, but not for a new key.
             * @constant
             */
            schemaVersion: 1;
        };
        RunRequest: {
            affected: {
                /** @description object keys; at most 1,000 */
                objects: string[];
                /** @description sectors denied since the run began, and not fully served since */
                sectors: number;
                /** @description at most 1,000 */
                slabs: string[];
            } | null;
            /** Format: date-time */
            at: string;
            /** @description other runs, latest first; only for `status` */
            earlier: {
                coordinator: string | null;
                coordinatorSeenAt: string | null;
                error: {
                    code: string;
                    message: string;
                    remedy: string;
                } | null;
                finishedAt: string | null;
                /** @description it found something that needs an operator's attention */
                hasFindings: boolean;
                host: string | null;
                /** @description public keys of the hosts of its scope */
                hosts: string[];
                id: string;
                kind: string;
                object: string | null;
                /** @description who started the run */
                owner: string;
                progress: {
                    done: number;
                    total: number;
                    unit: string;
                } | null;
                sample: {
                    confidence: number;
                    draws: number;
                    missingShare: number;
                } | null;
                /** @description its results so far, for people */
                says: string[];
                slabId: string | null;
                /** Format: date-time */
                startedAt: string;
                /**
                 * @description cancelling: some work of the run is still in progress
                 * @enum {string}
                 */
                state: "running" | "paused" | "cancelling" | "done" | "cancelled" | "failed";
                /** @description the keys depend on the run's kind: docs/maintenance.md */
                statistics: {
                    [key: string]: unknown;
                };
            }[];
            estimate: {
                lines: string[];
                values: {
                    [key: string]: (number | string) | null;
                };
            } | null;
            run: {
                coordinator: string | null;
                coordinatorSeenAt: string | null;
                error: {
                    code: string;
                    message: string;
                    remedy: string;
                } | null;
                finishedAt: string | null;
                /** @description it found something that needs an operator's attention */
                hasFindings: boolean;
                host: string | null;
                /** @description public keys of the hosts of its scope */
                hosts: string[];
                id: string;
                kind: string;
                object: string | null;
                /** @description who started the run */
                owner: string;
                progress: {
                    done: number;
                    total: number;
                    unit: string;
                } | null;
                sample: {
                    confidence: number;
                    draws: number;
                    missingShare: number;
                } | null;
                /** @description its results so far, for people */
                says: string[];
                slabId: string | null;
                /** Format: date-time */
                startedAt: string;
                /**
                 * @description cancelling: some work of the run is still in progress
                 * @enum {string}
                 */
                state: "running" | "paused" | "cancelling" | "done" | "cancelled" | "failed";
                /** @description the keys depend on the run's kind: docs/maintenance.md */
                statistics: {
                    [key: string]: unknown;
                };
            } | null;
            /**
             * @description Raised when a key is removed or changes its meaning, but not for a new key.
             * @constant
             */
            schemaVersion: 1;
        };
        Runs: {
            affected: {
                /** @description object keys; at most 1,000 */
                objects: string[];
                /** @description sectors denied since the run began, and not fully served since */
                sectors: number;
                /** @description at most 1,000 */
                slabs: string[];
            } | null;
            /** Format: date-time */
            at: string;
            /** @description other runs, latest first; only for `status` */
            earlier: {
                coordinator: string | null;
                coordinatorSeenAt: string | null;
                error: {
                    code: string;
                    message: string;
                    remedy: string;
                } | null;
                finishedAt: string | null;
                /** @description it found something that needs an operator's attention */
                hasFindings: boolean;
                host: string | null;
                /** @description public keys of the hosts of its scope */
                hosts: string[];
                id: string;
                kind: string;
                object: string | null;
                /** @description who started the run */
                owner: string;
                progress: {
                    done: number;
                    total: number;
                    unit: string;
                } | null;
                sample: {
                    confidence: number;
                    draws: number;
                    missingShare: number;
                } | null;
                /** @description its results so far, for people */
                says: string[];
                slabId: string | null;
                /** Format: date-time */
                startedAt: string;
                /**
                 * @description cancelling: some work of the run is still in progress
                 * @enum {string}
                 */
                state: "running" | "paused" | "cancelling" | "done" | "cancelled" | "failed";
                /** @description the keys depend on the run's kind: docs/maintenance.md */
                statistics: {
                    [key: string]: unknown;
                };
            }[];
            estimate: {
                lines: string[];
                values: {
                    [key: string]: (number | string) | null;
                };
            } | null;
            run: {
                coordinator: string | null;
                coordinatorSeenAt: string | null;
                error: {
                    code: string;
                    message: string;
                    remedy: string;
                } | null;
                finishedAt: string | null;
                /** @description it found something that needs an operator's attention */
                hasFindings: boolean;
                host: string | null;
                /** @description public keys of the hosts of its scope */
                hosts: string[];
                id: string;
                kind: string;
                object: string | null;
                /** @description who started the run */
                owner: string;
                progress: {
                    done: number;
                    total: number;
                    unit: string;
                } | null;
                sample: {
                    confidence: number;
                    draws: number;
                    missingShare: number;
                } | null;
                /** @description its results so far, for people */
                says: string[];
                slabId: string | null;
                /** Format: date-time */
                startedAt: string;
                /**
                 * @description cancelling: some work of the run is still in progress
                 * @enum {string}
                 */
                state: "running" | "paused" | "cancelling" | "done" | "cancelled" | "failed";
                /** @description the keys depend on the run's kind: docs/maintenance.md */
                statistics: {
                    [key: string]: unknown;
                };
            } | null;
            /**
             * @description Raised when a key is removed or changes its meaning, but not for a new key.
             * @constant
             */
            schemaVersion: 1;
        };
        RunStart: {
            affected: {
                /** @description object keys; at most 1,000 */
                objects: string[];
                /** @description sectors denied since the run began, and not fully served since */
                sectors: number;
                /** @description at most 1,000 */
                slabs: string[];
            } | null;
            /** Format: date-time */
            at: string;
            /** @description other runs, latest first; only for `status` */
            earlier: {
                coordinator: string | null;
                coordinatorSeenAt: string | null;
                error: {
                    code: string;
                    message: string;
                    remedy: string;
                } | null;
                finishedAt: string | null;
                /** @description it found something that needs an operator's attention */
                hasFindings: boolean;
                host: string | null;
                /** @description public keys of the hosts of its scope */
                hosts: string[];
                id: string;
                kind: string;
                object: string | null;
                /** @description who started the run */
                owner: string;
                progress: {
                    done: number;
                    total: number;
                    unit: string;
                } | null;
                sample: {
                    confidence: number;
                    draws: number;
                    missingShare: number;
                } | null;
                /** @description its results so far, for people */
                says: string[];
                slabId: string | null;
                /** Format: date-time */
                startedAt: string;
                /**
                 * @description cancelling: some work of the run is still in progress
                 * @enum {string}
                 */
                state: "running" | "paused" | "cancelling" | "done" | "cancelled" | "failed";
                /** @description the keys depend on the run's kind: docs/maintenance.md */
                statistics: {
                    [key: string]: unknown;
                };
            }[];
            estimate: {
                lines: string[];
                values: {
                    [key: string]: (number | string) | null;
                };
            } | null;
            run: {
                coordinator: string | null;
                coordinatorSeenAt: string | null;
                error: {
                    code: string;
                    message: string;
                    remedy: string;
                } | null;
                finishedAt: string | null;
                /** @description it found something that needs an operator's attention */
                hasFindings: boolean;
                host: string | null;
                /** @description public keys of the hosts of its scope */
                hosts: string[];
                id: string;
                kind: string;
                object: string | null;
                /** @description who started the run */
                owner: string;
                progress: {
                    done: number;
                    total: number;
                    unit: string;
                } | null;
                sample: {
                    confidence: number;
                    draws: number;
                    missingShare: number;
                } | null;
                /** @description its results so far, for people */
                says: string[];
                slabId: string | null;
                /** Format: date-time */
                startedAt: string;
                /**
                 * @description cancelling: some work of the run is still in progress
                 * @enum {string}
                 */
                state: "running" | "paused" | "cancelling" | "done" | "cancelled" | "failed";
                /** @description the keys depend on the run's kind: docs/maintenance.md */
                statistics: {
                    [key: string]: unknown;
                };
            } | null;
            /**
             * @description Raised when a key is removed or changes its meaning, but not for a new key.
             * @constant
             */
            schemaVersion: 1;
        };
        Slab: {
            /** Format: date-time */
            at: string;
            backlog: {
                /** @description sectors by cause: lost, bad-contract, bad-host, … */
                causes: {
                    [key: string]: number;
                };
                digest: string | null;
                id: string;
                inDanger: boolean;
                lastEndedAt: string | null;
                lastError: string | null;
                lastOutcome: string | null;
                /** @description within a week */
                lossProbability: number;
                /** @description sectors on good hosts, under any contract, minus min_shards */
                margin: number;
                minShards: number | null;
                objects: {
                    /** @description at most 1000 are counted */
                    count: number;
                    /** @description keys of some of the objects, at most 5 */
                    keys: string[];
                    /** @description true: there are more objects than `count` */
                    more: boolean;
                };
                /** @description when each cause was first seen */
                since: {
                    [key: string]: string;
                };
                /**
                 * @description ready: may be leased now. waiting: may be leased after `until`. leased: for a repair. quarantined: its repairs crashed workers. healthy: not in the backlog
                 * @enum {string}
                 */
                state: "ready" | "waiting" | "leased" | "quarantined" | "healthy";
                totalShards: number;
                until: string | null;
                /** Format: date-time */
                waitingSince: string;
            } | null;
            /** @description indexd's counter */
            consecutiveFailedRepairs: number;
            digest: string;
            id: string;
            lastRepair: {
                crashes: number;
                /** Format: date-time */
                endedAt: string;
                error: string | null;
                outcome: string;
                quarantinedUntil: string | null;
                quarantineReason: string | null;
                setbacks: number;
            } | null;
            lease: {
                beganAt: string | null;
                /** Format: date-time */
                expiresAt: string;
                /** Format: date-time */
                leasedAt: string;
                sentAt: string | null;
                throughQueue: boolean;
                worker: string | null;
            } | null;
            margin: number;
            minShards: number;
            nextAttempt: {
                /** Format: date-time */
                at: string;
                /** @enum {string} */
                writtenBy: "slabmend" | "indexd";
            };
            objects: {
                /** @description at most 1000 are counted */
                count: number;
                /** @description at most 100 */
                keys: string[];
                more: boolean;
            };
            /**
             * @description Raised when a key is removed or changes its meaning, but not for a new key.
             * @constant
             */
            schemaVersion: 1;
            shards: {
                address: string | null;
                contractId: string | null;
                hostId: number | null;
                hostKey: string | null;
                index: number;
                root: string;
                /**
                 * @description live and unpinned shards stay; all others must move. denied: the host denied the sector. pinned-wrongly: rebuilding the shard from the others gives another root than the database has
                 * @enum {string}
                 */
                state: "live" | "unpinned" | "lost" | "denied" | "bad-host" | "bad-contract" | "draining" | "duplicate-host" | "pinned-wrongly";
                /** @description problems of a bad host: blocked, no-active-contract, or the names of indexd's checks that it fails */
                why: string[];
            }[];
            /**
             * @description ready: may be leased now. waiting: may be leased after `until`. leased: for a repair. quarantined: its repairs crashed workers. healthy: not in the backlog
             * @enum {string}
             */
            state: "ready" | "waiting" | "leased" | "quarantined" | "healthy";
            totalShards: number;
        };
        SlabHistory: {
            /** Format: date-time */
            at: string;
            next: string | null;
            /** @description latest first */
            repairs: {
                /** Format: date-time */
                beganAt: string;
                bytesRead: number;
                bytesWritten: number;
                digest: string;
                dropped: {
                    index: number;
                    why: string;
                }[];
                /** Format: date-time */
                endedAt: string;
                error: string | null;
                id: string;
                /** @description drain: a repair whose only cause was a draining host; repair: any other repair */
                kind: string;
                /** Format: date-time */
                leasedAt: string;
                lost: {
                    host: string;
                    root: string;
                }[];
                moves: {
                    from: string | null;
                    /** @enum {string} */
                    how: "copied" | "rebuilt" | "found";
                    index: number;
                    root: string;
                    /** @description host key */
                    to: string;
                }[];
                /** @description the recorded outcome */
                outcome: string;
                paid: {
                    /** @description exact, in decimal digits */
                    hastings: string;
                    /** @description the same in siacoins, rounded */
                    siacoins: number;
                };
                phasesMs: {
                    [key: string]: number;
                };
                /** @description the outcome that the worker reported; the recorded one differs if, for example, moves were dropped */
                reportedOutcome: string;
                seconds: number;
                slabId: string;
                worker: string;
            }[];
            /**
             * @description Raised when a key is removed or changes its meaning, but not for a new key.
             * @constant
             */
            schemaVersion: 1;
            searchedSince: string | null;
        };
        Slabs: {
            /** Format: date-time */
            at: string;
            /** @description slabs that match the filters, on all pages */
            matching: number;
            next: string | null;
            /**
             * @description Raised when a key is removed or changes its meaning, but not for a new key.
             * @constant
             */
            schemaVersion: 1;
            /** @description most likely to be lost first */
            slabs: {
                /** @description sectors by cause: lost, bad-contract, bad-host, … */
                causes: {
                    [key: string]: number;
                };
                digest: string | null;
                id: string;
                inDanger: boolean;
                lastEndedAt: string | null;
                lastError: string | null;
                lastOutcome: string | null;
                /** @description within a week */
                lossProbability: number;
                /** @description sectors on good hosts, under any contract, minus min_shards */
                margin: number;
                minShards: number | null;
                objects: {
                    /** @description at most 1000 are counted */
                    count: number;
                    /** @description keys of some of the objects, at most 5 */
                    keys: string[];
                    /** @description true: there are more objects than `count` */
                    more: boolean;
                };
                /** @description when each cause was first seen */
                since: {
                    [key: string]: string;
                };
                /**
                 * @description ready: may be leased now. waiting: may be leased after `until`. leased: for a repair. quarantined: its repairs crashed workers. healthy: not in the backlog
                 * @enum {string}
                 */
                state: "ready" | "waiting" | "leased" | "quarantined" | "healthy";
                totalShards: number;
                until: string | null;
                /** Format: date-time */
                waitingSince: string;
            }[];
            walkFinishedAt: string | null;
        };
        Status: {
            /** Format: date-time */
            at: string;
            /** @description slabs whose last repair found too few sources */
            atRisk: number;
            /** @description problems that need attention, most urgent first; codes are stable */
            attention: {
                code: string;
                remedy: string | null;
                says: string;
            }[];
            /** @description the circuit breaker: open when most of the recent repairs failed */
            breaker: {
                backoffUntil: string | null;
                open: boolean;
                /** Format: date-time */
                since: string;
            };
            budget: {
                checkedAt: string | null;
                limits: {
                    bytesRead: string | null;
                    hastings: string | null;
                    repairs: string | null;
                };
                spent: {
                    bytesRead: string | null;
                    hastings: string | null;
                    repairs: string | null;
                };
                /** @description today's limits that are reached */
                stoppedBy: string[];
                stoppedSince: string | null;
            };
            /** @description due checks that slabmend made in the last 24 hours, with SLABMEND_VERIFY=due */
            checks: {
                /** @description how long the oldest due check has waited, for slabmend or for indexd; checks on silent hosts do not count */
                behindSeconds: number;
                confirmed: number;
                denied: number;
                paid: {
                    /** @description exact, in decimal digits */
                    hastings: string;
                    /** @description the same in siacoins, rounded */
                    siacoins: number;
                };
                /** @description hosts that are skipped for a while, because they did not answer */
                silentHosts: number;
                /** @description answers that were not recorded, because indexd checked or moved the sector first */
                superseded: number;
                unanswered: number;
                wrongData: number;
            };
            claim: {
                ageSeconds: number | null;
                at: string | null;
                /** @description no claim for 5 min, and no running repair */
                hasStopped: boolean;
            };
            deadLetters: number;
            /** @description slabs with moved sectors whose objects' events are not bumped yet */
            eventsToBump: number;
            /** @description followers of the journal: its hourly totals, and its archive if there is one */
            followers: {
                behindSeconds: number | null;
                name: string;
                rowsBehind: number;
                stoppedBy: string | null;
                stoppedSince: string | null;
            }[];
            indexd: {
                databaseVersion: number | null;
                lastScanAgeSeconds: number | null;
                lastScanAt: string | null;
                oldestUnpinnedSeconds: number | null;
                seemsToRun: boolean | null;
                /** @description stored, but not yet appended to a contract by indexd */
                unpinnedSectors: number;
                verdict: string | null;
            };
            /** @description number of repairs for every outcome, even if it is 0 */
            lastHour: {
                [key: string]: number;
            };
            leases: {
                expired: number;
                oldestSeconds: number | null;
                running: number;
                sent: number;
                unsent: number;
            };
            maintenance: {
                coordinator: string | null;
                coordinatorSeenAt: string | null;
                error: {
                    code: string;
                    message: string;
                    remedy: string;
                } | null;
                finishedAt: string | null;
                /** @description it found something that needs an operator's attention */
                hasFindings: boolean;
                host: string | null;
                /** @description public keys of the hosts of its scope */
                hosts: string[];
                id: string;
                kind: string;
                object: string | null;
                /** @description who started the run */
                owner: string;
                progress: {
                    done: number;
                    total: number;
                    unit: string;
                } | null;
                sample: {
                    confidence: number;
                    draws: number;
                    missingShare: number;
                } | null;
                /** @description its results so far, for people */
                says: string[];
                slabId: string | null;
                /** Format: date-time */
                startedAt: string;
                /**
                 * @description cancelling: some work of the run is still in progress
                 * @enum {string}
                 */
                state: "running" | "paused" | "cancelling" | "done" | "cancelled" | "failed";
                /** @description the keys depend on the run's kind: docs/maintenance.md */
                statistics: {
                    [key: string]: unknown;
                };
            } | null;
            /** @description unhealthy slabs by margin: sectors on good hosts, under any contract, minus min_shards; ascending */
            margins: {
                inDanger: number;
                margin: number;
                ready: number;
                waiting: number;
            }[];
            mode: {
                /** @enum {string} */
                kind: "running" | "paused" | "suspended" | "maintenance" | "deleting";
                owner: string | null;
                reason: string | null;
                since: string | null;
            };
            prunesHeldSince: string | null;
            quarantined: number;
            reap: {
                ageSeconds: number | null;
                at: string | null;
            };
            /**
             * @description Raised when a key is removed or changes its meaning, but not for a new key.
             * @constant
             */
            schemaVersion: 1;
            /** @description the summary sentence */
            sentence: {
                /**
                 * @description safe: no slab is unhealthy. waiting: some slabs are unhealthy, but none is in danger. stopped: nothing is repaired. danger: slabs may be lost. unknown: no walk has finished
                 * @enum {string}
                 */
                level: "safe" | "waiting" | "stopped" | "danger" | "unknown";
                text: string;
            };
            /** @description counts are null until a first walk over indexd's sectors has finished */
            slabs: {
                beyondRescue: number | null;
                dangerAbove: number;
                inDanger: number | null;
                ready: number | null;
                total: number | null;
                totalIsExact: boolean;
                unhealthy: number | null;
                waiting: number | null;
            };
            throughput: {
                /** @description slabs repaired or found healthy */
                finishedInTenMinutes: number;
                secondsLeft: number | null;
                slabsPerHour: number;
            };
            today: {
                bytesRead: number;
                bytesWritten: number;
                /** @description what hosts charged, or may have charged */
                paid: {
                    /** @description exact, in decimal digits */
                    hastings: string;
                    /** @description the same in siacoins, rounded */
                    siacoins: number;
                };
                repairs: number;
                sectorsCopied: number;
                sectorsRebuilt: number;
                /** Format: date-time */
                since: string;
                /** @description sum of the times that repairs took from begin to commit */
                workerSeconds: number;
            };
            /** @description the last complete walk over indexd's sectors; every entry of the backlog is at least as recent as this walk */
            walk: {
                ageSeconds: number | null;
                at: string | null;
                passSeconds: number | null;
            };
        };
        Throughput: {
            /** Format: date-time */
            at: string;
            /** @description ascending, without gaps; the last bucket has not ended yet */
            buckets: {
                bytesRead: number;
                bytesWritten: number;
                /** Format: date-time */
                from: string;
                outcomes: {
                    [key: string]: number;
                };
                paid: {
                    /** @description exact, in decimal digits */
                    hastings: string;
                    /** @description the same in siacoins, rounded */
                    siacoins: number;
                };
                /** @description finished repairs of any outcome */
                repairs: number;
                sectorsCopied: number;
                sectorsRebuilt: number;
                /** @description repaired or found healthy */
                slabs: number;
                /** Format: date-time */
                to: string;
                workerSeconds: number;
            }[];
            bucketSeconds: number;
            /**
             * @description Raised when a key is removed or changes its meaning, but not for a new key.
             * @constant
             */
            schemaVersion: 1;
        };
        Workers: {
            /**
             * Format: date-time
             * @description ISO 8601 in UTC, by this machine's clock
             */
            at: string;
            /** @description every `work` and `serve` on this database; null: the database does not answer */
            fleet: {
                /** @enum {string} */
                command: "work" | "serve";
                concurrency: number;
                host: string;
                id: string;
                /** @description false: it stopped within the last day without reporting its end */
                isAlive: boolean;
                pid: number;
                running: number;
                /** Format: date-time */
                seenAt: string;
                /** Format: date-time */
                startedAt: string;
                /** @enum {string} */
                state: "working" | "draining";
                trouble: string | null;
            }[] | null;
            /**
             * @description Raised when a key is removed or changes its meaning, but not for a new key.
             * @constant
             */
            schemaVersion: 1;
            /** @description this `serve`; null: its supervisor has been silent for 15 s, or does not know the indexer */
            serve: {
                claim: {
                    endedAt: string | null;
                    /** @description consecutive failures */
                    failures: number;
                    stopped: string | null;
                    trouble: {
                        /** @description stable */
                        code: string;
                        message: string;
                        remedy: string | null;
                        /**
                         * Format: date-time
                         * @description ISO 8601 in UTC, by this machine's clock
                         */
                        since: string;
                    } | null;
                };
                /** @description maximum number of simultaneous repairs */
                concurrency: number;
                crashed: number;
                /** @description repairs by outcome since the start of this serve */
                done: {
                    [key: string]: number;
                };
                http: {
                    pid: number;
                    restarts: number;
                };
                indexer: string;
                notBegun: number;
                /** @description process that supervises, claims and reaps */
                pid: number;
                reap: {
                    endedAt: string | null;
                    /** @description consecutive failures */
                    failures: number;
                    stopped: string | null;
                    trouble: {
                        /** @description stable */
                        code: string;
                        message: string;
                        remedy: string | null;
                        /**
                         * Format: date-time
                         * @description ISO 8601 in UTC, by this machine's clock
                         */
                        since: string;
                    } | null;
                };
                /** @description running repairs */
                running: number;
                /**
                 * Format: date-time
                 * @description ISO 8601 in UTC, by this machine's clock
                 */
                startedAt: string;
                /**
                 * @description waiting: nothing runs here for the indexer; /indexers says why
                 * @enum {string}
                 */
                state: "starting" | "working" | "unfit" | "draining" | "ended" | "waiting";
                trouble: {
                    /** @description stable */
                    code: string;
                    message: string;
                    remedy: string | null;
                    /**
                     * Format: date-time
                     * @description ISO 8601 in UTC, by this machine's clock
                     */
                    since: string;
                } | null;
                workers: {
                    crashLoopingSince: string | null;
                    lastExit: string | null;
                    name: string;
                    pid: number | null;
                    repairs: {
                        /** @enum {string} */
                        phase: "begin" | "plan" | "transfer" | "commit" | "events";
                        slabId: string;
                        /**
                         * Format: date-time
                         * @description ISO 8601 in UTC, by this machine's clock
                         */
                        startedAt: string;
                    }[];
                    restarts: number;
                    startedAt: string | null;
                }[];
            } | null;
        };
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    "dead-letters": {
        parameters: {
            query?: {
                /** @description name of the indexer; needed if there are several */
                indexer?: string;
                limit?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the answer */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DeadLetters"];
                };
            };
            /** @description what is wrong */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    "dead-letter-delete": {
        parameters: {
            query?: {
                /** @description name of the indexer; needed if there are several */
                indexer?: string;
            };
            header?: never;
            path: {
                messageId: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the answer */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DeadLetterDelete"];
                };
            };
            /** @description what is wrong */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    "dead-letters-redrive": {
        parameters: {
            query?: {
                /** @description name of the indexer; needed if there are several */
                indexer?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    /**
                     * @description delete unreadable ones too
                     * @default false
                     */
                    discard?: boolean;
                    /** @default null */
                    messageIds?: string[] | null;
                };
            };
        };
        responses: {
            /** @description the answer */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DeadLettersRedrive"];
                };
            };
            /** @description what is wrong */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            502: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    events: {
        parameters: {
            query?: {
                /** @description name of the indexer; needed if there are several */
                indexer?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the stream */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/event-stream": unknown;
                };
            };
        };
    };
    hosts: {
        parameters: {
            query?: {
                /** @description name of the indexer; needed if there are several */
                indexer?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the answer */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Hosts"];
                };
            };
            /** @description what is wrong */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    indexers: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the answer */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Indexers"];
                };
            };
            /** @description what is wrong */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    "indexer-delete": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                indexer: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    /** @description the indexer's name again */
                    confirm: string;
                    /** @default null */
                    reason?: string | null;
                };
            };
        };
        responses: {
            /** @description the answer */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["IndexerDelete"];
                };
            };
            /** @description what is wrong */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    history: {
        parameters: {
            query?: {
                /** @description `next` of the previous page */
                cursor?: string;
                /** @description host key: only repairs that moved a sector from or to this host, or found a sector lost there */
                host?: string;
                /** @description name of the indexer; needed if there are several */
                indexer?: string;
                limit?: string;
                outcome?: string;
                since?: string;
                /** @description id or digest */
                slab?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the answer */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["History"];
                };
            };
            /** @description what is wrong */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    losses: {
        parameters: {
            query?: {
                /** @description `next` of the previous page */
                cursor?: string;
                /** @description host key */
                host?: string;
                /** @description name of the indexer; needed if there are several */
                indexer?: string;
                limit?: string;
                state?: "open" | "lost";
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the answer */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Losses"];
                };
            };
            /** @description what is wrong */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    "fleet-mode": {
        parameters: {
            query?: {
                /** @description name of the indexer; needed if there are several */
                indexer?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    /** @enum {string} */
                    kind: "running" | "paused" | "suspended";
                    /** @default null */
                    reason?: string | null;
                };
            };
        };
        responses: {
            /** @description the answer */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["FleetMode"];
                };
            };
            /** @description what is wrong */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    quarantine: {
        parameters: {
            query?: {
                /** @description name of the indexer; needed if there are several */
                indexer?: string;
                limit?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the answer */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Quarantine"];
                };
            };
            /** @description what is wrong */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    "quarantine-release": {
        parameters: {
            query?: {
                /** @description name of the indexer; needed if there are several */
                indexer?: string;
            };
            header?: never;
            path: {
                slab: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the answer */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["QuarantineRelease"];
                };
            };
            /** @description what is wrong */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    runs: {
        parameters: {
            query?: {
                /** @description name of the indexer; needed if there are several */
                indexer?: string;
                limit?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the answer */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Runs"];
                };
            };
            /** @description what is wrong */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    "run-start": {
        parameters: {
            query?: {
                /** @description name of the indexer; needed if there are several */
                indexer?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    /**
                     * @description with sample: the probability, in percent, that the sample detects the share `missing`
                     * @default 99
                     */
                    confidence?: number;
                    /** @default false */
                    dryRun?: boolean;
                    /**
                     * @description all sectors of the hosts with these public keys; verify takes only one host
                     * @default []
                     */
                    hosts?: string[];
                    /** @enum {string} */
                    kind: "verify" | "drain";
                    /**
                     * @description with sample: the smallest share of missing sectors that the sample must detect, in percent
                     * @default 0.1
                     */
                    missing?: number;
                    /** @description verify: all slabs of the object with this key of 64 hex digits */
                    object?: string;
                    /**
                     * @description verify: a random sample of the host's sectors
                     * @default false
                     */
                    sample?: boolean;
                    /** @description verify: the sectors of the slab with this id or digest */
                    slab?: string;
                };
            };
        };
        responses: {
            /** @description the answer */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RunStart"];
                };
            };
            /** @description what is wrong */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    run: {
        parameters: {
            query?: {
                /** @description name of the indexer; needed if there are several */
                indexer?: string;
            };
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the answer */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Run"];
                };
            };
            /** @description what is wrong */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    "run-request": {
        parameters: {
            query?: {
                /** @description name of the indexer; needed if there are several */
                indexer?: string;
            };
            header?: never;
            path: {
                id: string;
                request: "pause" | "resume" | "cancel";
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the answer */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RunRequest"];
                };
            };
            /** @description what is wrong */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    slabs: {
        parameters: {
            query?: {
                /** @description true: only slabs in danger */
                atRisk?: "true" | "false";
                /** @description only slabs with a bad sector of this cause: lost, denied, bad-contract, bad-host or draining */
                cause?: string;
                /** @description `next` of the previous page */
                cursor?: string;
                /** @description name of the indexer; needed if there are several */
                indexer?: string;
                limit?: string;
                margin?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the answer */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Slabs"];
                };
            };
            /** @description what is wrong */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    slab: {
        parameters: {
            query?: {
                /** @description name of the indexer; needed if there are several */
                indexer?: string;
            };
            header?: never;
            path: {
                /** @description id or digest */
                slab: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the answer */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Slab"];
                };
            };
            /** @description what is wrong */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    "slab-history": {
        parameters: {
            query?: {
                /** @description `next` of the previous page */
                cursor?: string;
                /** @description name of the indexer; needed if there are several */
                indexer?: string;
                limit?: string;
            };
            header?: never;
            path: {
                slab: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the answer */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SlabHistory"];
                };
            };
            /** @description what is wrong */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    status: {
        parameters: {
            query?: {
                /** @description name of the indexer; needed if there are several */
                indexer?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the answer */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Status"];
                };
            };
            /** @description what is wrong */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    throughput: {
        parameters: {
            query?: {
                bucketSeconds?: string;
                hours?: string;
                /** @description name of the indexer; needed if there are several */
                indexer?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the answer */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Throughput"];
                };
            };
            /** @description what is wrong */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    workers: {
        parameters: {
            query?: {
                /** @description name of the indexer; needed if there are several */
                indexer?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the answer */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Workers"];
                };
            };
            /** @description what is wrong */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            421: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description what is wrong */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
}
