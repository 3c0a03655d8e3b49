/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory that runs out once, and a disk that says no once, at each way that leads to an allocation or to the disk inside a vault
 * of safe.h. A test that is linked with faults.c is its own story: the first time that a vault comes to such a place by a chain of
 * calls that was not seen before, the process forks. In the child that one call fails. What was asked comes to its end there, and
 *
 *  - the ledger on the disk is whole, and no key has left but behind a grant and a receipt that stand in it;
 *  - no check of the vault's own has failed, and a no has a name and says what to do;
 *  - the same, asked once more (after a restart, if the ledger could not be read), ends as it ends in the parent, where nothing
 *    failed.
 *
 * With that the child ends; the parent waits for it, and goes on with the test.
 *
 * PORCHLIGHT_FAULTS=all tries each way; without it it is one of SAMPLE, by a seed that is printed, and that PORCHLIGHT_FAULTS_SEED
 * sets.
 */
#pragma once
