"""What is known of the world outside, as tables with their sources.

GPU machines (`gpu`), recogniser images (`models`), regions, and what AWS takes as names and tags
(`aws_texts`, `aws_text_rules`). Nothing here knows a stack.
"""
