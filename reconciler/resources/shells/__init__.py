"""What kinds need to know of shells.

in_use      which shells a user has           start_files   what people export by hand
hooks       start-up files that read ours     own_files     the files of ours, for sh and for fish
remarks     what a reader should know
"""
