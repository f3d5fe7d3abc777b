/* same_tree.h - are two folders the same, down to owners, times, attributes and hard links? */
#ifndef SUPPORT_SAME_TREE_H
#define SUPPORT_SAME_TREE_H

/* The first difference ends the test. Of whiteouts only the name counts. */
void same_tree(int left_fd, int right_fd);

#endif
