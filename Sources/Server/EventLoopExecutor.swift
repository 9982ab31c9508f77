// SPDX-License-Identifier: Apache-2.0

package import NIOCore

/// Runs tasks on the event loops that also read and write their connections.
///
/// By default a request hops from its event loop to a thread of the shared pool and back, and each
/// hop wakes a thread that may sleep. Tasks that prefer this executor (SE-0417) stay on the loop
/// they are on, so that an answer that needs no disk costs no hop at all. What runs here must not
/// block for long: the ledger, which waits for the disk, has a thread of its own.
package final class EventLoopExecutor: TaskExecutor {
    private let group: any EventLoopGroup

    /// Takes the group that the server runs on.
    package init(_ group: any EventLoopGroup) { self.group = group }

    package func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        // The loop of the calling thread if it is one of the group's, else the next in turn.
        group.any().execute { [self] in
            job.runSynchronously(on: asUnownedTaskExecutor())
        }
    }
}
